"""The client of Rev.io: transport, calls, the meaning of its answers, and its records of lines."""
