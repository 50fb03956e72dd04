"""Scores that need no downloaded weights: what a clip shows, read from its pixels."""
