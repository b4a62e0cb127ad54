"""A pipeline definition: read, filled, checked, and its steps in order."""
