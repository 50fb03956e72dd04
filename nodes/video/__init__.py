"""Nodes of the menu Video."""
