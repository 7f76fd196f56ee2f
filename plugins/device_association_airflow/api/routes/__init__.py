"""The addresses of the portal's API, a module for each subject."""
