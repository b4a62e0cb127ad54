"""Sensors: tasks that wait for a resource that somebody else has made."""
