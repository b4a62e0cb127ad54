"""The pure core: definitions, manifests, identities and outcomes as functions of their inputs.

Nothing in here does I/O or imports Airflow or a Kubernetes client, so that the operators, the triggers, the command
line and the sandbox can all ask the same functions.
"""
