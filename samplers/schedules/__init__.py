"""Noise levels: schedules, shifts, and the levels that models were trained on."""
