"""Files -> models: detect the family, convert its keys, derive the config, load strictly."""
