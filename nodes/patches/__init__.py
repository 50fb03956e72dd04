"""Nodes of the Patches menu."""
