"""CustomResourceDefinitions of the ACK SageMaker kinds, for the sandbox and for clusters that have no ACK controller.

They have the names, types and required fields of the controller's own. Install them in a cluster with
``ack-sagemaker crds | kubectl apply --server-side -f -``.
"""

from __future__ import annotations

from collections.abc import Iterable
from importlib import resources
from typing import Any


def crds_text() -> str:
    """The CustomResourceDefinitions of all kinds, as one stream of YAML documents."""
    folder = resources.files(__name__)
    files = sorted((file for file in folder.iterdir() if file.name.endswith(".yaml")), key=lambda file: file.name)
    return "".join(f"---\n{file.read_text(encoding='utf-8').removeprefix('---').strip()}\n" for file in files)


def load_crds(plurals: Iterable[str] | None = None) -> list[dict[str, Any]]:
    """The CustomResourceDefinitions (apiextensions.k8s.io/v1) of all kinds, or of those with these plural names.

    :raises FileNotFoundError: a plural name is none of the controller's.
    """
    import yaml

    # The loader in C reads the 26 files in a tenth of the time; PyYAML has it wherever it was built with libyaml.
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    folder = resources.files(__name__)
    if plurals is None:
        names = sorted(file.name for file in folder.iterdir() if file.name.endswith(".yaml"))
    else:
        names = [f"{plural}.yaml" for plural in plurals]
    return [yaml.load((folder / name).read_text(encoding="utf-8"), Loader=loader) for name in names]
