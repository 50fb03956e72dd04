"""Measure whether clips follow hints: edges, depth, tracks and camera moves."""
