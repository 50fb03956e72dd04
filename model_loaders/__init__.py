"""Build models from files: detect the family, convert keys, derive the config, load strictly."""
