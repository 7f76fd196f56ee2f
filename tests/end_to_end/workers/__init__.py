"""Tests on a stack that has Celery workers and tells alarms: a package, so that the stack ends with it."""
