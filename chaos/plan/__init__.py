"""What happens in a run, and when: a pure function of its seed and length."""
