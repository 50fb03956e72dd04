"""Nodes that place what is given on a timeline, and put the finished clip together."""
