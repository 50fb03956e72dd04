"""How the shipped weights were made: data, losses and loops that one command repeats."""
