"""Noise levels: schedules, their shifts, and what models were trained on."""
