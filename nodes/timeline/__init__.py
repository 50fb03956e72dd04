"""Nodes that place given frames on a timeline and assemble the finished clip."""
