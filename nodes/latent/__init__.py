"""Nodes of the menu Latent."""
