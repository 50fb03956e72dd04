"""The `spacetime` command: graphs and training without a screen."""
