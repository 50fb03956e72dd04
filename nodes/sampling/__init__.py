"""Nodes of the menu Sampling."""
