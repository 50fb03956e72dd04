"""Guidance and step caching: denoisers that combine the predictions for several conditions."""
