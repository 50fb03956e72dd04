"""Standard normal noise that belongs to absolute frames, drawn on the CPU."""
