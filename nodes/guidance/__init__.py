"""Nodes of the Guidance menu."""
