"""The local stack: every outside system as a real process on 127.0.0.1, and sample data to fill it."""
