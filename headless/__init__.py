"""The `spacetime` command: headless graphs and training."""
