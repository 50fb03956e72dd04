"""Scores that need no downloaded weights: they read what a clip shows from its pixels."""
