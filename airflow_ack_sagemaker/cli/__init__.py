"""The command ``ack-sagemaker``."""
