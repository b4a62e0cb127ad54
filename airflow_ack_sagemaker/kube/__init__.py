"""Kubernetes I/O on Airflow's ``kubernetes`` connections: a light client over HTTP, without the provider's hook.

The provider's hook costs every task process seconds of imports; this needs only what Airflow has loaded already.
Import from the modules: :mod:`.config`, :mod:`.client`, :mod:`.watch`, :mod:`.wait`, :mod:`.errors`.
"""
