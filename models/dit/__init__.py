"""The video diffusion transformer."""
