"""The portal's screens at /M2M/ui: they show what the API answers, by the same functions and with the same rights."""
