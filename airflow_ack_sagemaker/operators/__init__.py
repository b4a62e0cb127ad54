"""Operators: tasks that create, launch, stop and collect."""
