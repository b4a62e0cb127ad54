"""Kubernetes I/O on Airflow's ``kubernetes`` connections: a light client over HTTP, without the provider's hook.

The provider's hook costs every task process seconds of imports; this needs only what Airflow has loaded already.
It knows nothing of runs. Import from the modules: `.client`, `.async_client`, `.errors`, `.connection.config`.
"""
