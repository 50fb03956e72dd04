"""Nodes of the menu Schedules."""
