"""Spacetime: video diffusion nodes for ComfyUI and for graphs that run without a screen."""
