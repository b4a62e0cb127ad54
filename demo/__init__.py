"""`make demo`: a real Airflow and the sandbox as processes; the tests start theirs through the same modules."""
