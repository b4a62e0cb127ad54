"""Triggers: what is followed in the triggerer while a task is deferred."""
