"""One module per checkpoint family: detection, key tables, config from shapes."""
