"""Nodes of the menu Patches."""
