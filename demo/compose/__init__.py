"""What runs in the containers of docker-compose.yaml beside Airflow and the sandbox."""
