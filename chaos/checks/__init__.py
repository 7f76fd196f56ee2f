"""What must be true of every run, each a function from the world to what is broken; nothing of the product is imported.

`checker` runs them all; `recording` makes a small world of a run, to be kept beside the tests.
"""
