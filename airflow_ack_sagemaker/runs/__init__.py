"""What is done in the cluster for a run of a task."""
