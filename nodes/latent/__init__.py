"""Nodes of the Latent menu."""
