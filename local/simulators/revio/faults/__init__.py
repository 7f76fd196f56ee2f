"""What goes wrong: the fault plan, outages, and lists that change while they are read."""
