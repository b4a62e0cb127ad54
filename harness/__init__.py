"""Real processes for tests and demo: an Airflow, a control plane, the sandbox, and clients to ask them."""
