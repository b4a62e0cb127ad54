"""What is wrong in a namespace, as data."""
