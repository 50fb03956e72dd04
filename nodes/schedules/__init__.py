"""Nodes of the Schedules menu."""
