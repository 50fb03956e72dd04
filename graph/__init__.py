"""The graph engine: saved workflows read, checked and run; it knows nothing of diffusion."""
