"""Nodes of the menu Guidance."""
