"""Real workers, killed with SIGKILL, against a real simulator process and a real database."""
