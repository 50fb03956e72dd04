"""Scores that read a clip's contents from its pixels and need no downloaded weights."""
