"""The graph engine: reads, checks and runs saved workflows; it knows nothing about diffusion."""
