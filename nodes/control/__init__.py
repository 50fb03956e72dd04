"""Nodes of the menu Control."""
