"""Nodes of the menu Prompt."""
