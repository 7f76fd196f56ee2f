"""Figures, health lines and alarms."""
