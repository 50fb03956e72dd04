"""Nodes of the Prompt menu."""
