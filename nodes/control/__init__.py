"""Nodes of the menu Spacetime/Control."""
