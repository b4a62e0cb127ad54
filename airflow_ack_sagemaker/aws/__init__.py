"""AWS I/O on the Amazon provider's connections: reading definitions from S3."""
