"""The screens, a module for each subject: each has a `router` that `ui/app.py` serves."""
