"""Training of the shipped weights: data, losses and loops, reproducible with one command."""
