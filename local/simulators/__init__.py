"""The outside systems that are simulated: one room a vendor, each a program of its own."""
