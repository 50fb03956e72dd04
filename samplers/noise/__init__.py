"""Standard normal noise tied to absolute frames, drawn on the CPU."""
