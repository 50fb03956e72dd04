"""The contact sheet of a batch: a page of its results that works without a network."""
