"""What the simulated Rev.io holds, and everything that ever happened there: seed, lines, journal, state file."""
