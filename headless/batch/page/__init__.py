"""The contact sheet of a batch: an HTML page of its results that works offline."""
