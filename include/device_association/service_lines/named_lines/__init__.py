"""Lines that a person names as a SIM's: how they are named, and how the next retry adopts them."""
