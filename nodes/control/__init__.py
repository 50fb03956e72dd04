"""Nodes of the Control menu."""
