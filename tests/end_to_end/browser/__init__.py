"""The screens in a browser, on the stack of the folder above."""
