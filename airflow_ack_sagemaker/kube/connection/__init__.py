"""From an Airflow connection or a kubeconfig to a server and its credentials."""
