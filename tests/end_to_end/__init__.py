"""Tests on one whole stack: a package, so that the stack ends with it."""
