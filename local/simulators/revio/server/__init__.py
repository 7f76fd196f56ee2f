"""The simulator over HTTP: sign-in, limits, effects of the fault plan, answers, and the control API."""
