"""What one try of a task does about a run: pure decisions over what the cluster holds."""
