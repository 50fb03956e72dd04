"""Nodes of the Load menu."""
