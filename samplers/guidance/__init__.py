"""Guidance and step caching: denoisers made from the predictions for several conditions."""
