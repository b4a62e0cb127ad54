"""What the pages of Airflow's UI show, as data."""
