"""The data checks that a bulk change has to pass before its devices are changed, and their reports."""
