"""What a run leaves as plain data: what was asked and answered, and everything that is there at its end."""
