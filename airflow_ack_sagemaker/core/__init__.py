"""The pure core: definitions, resources, runs and outcomes as functions of their inputs.

Nothing in here does I/O or imports Airflow or a Kubernetes client, so that operators, triggers, pages, the command line
and the sandbox can all ask the same functions.
"""
