"""What Rev.io shows of the lines of an account, of a customer and of a SIM."""
