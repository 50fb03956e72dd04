"""Nodes of the menu Load."""
