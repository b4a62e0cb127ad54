"""SageMaker's API model, as botocore has it: read once for all parts of a process, and without its documentation.

botocore's own loader keeps the documentation, which is most of the model, and every object in an ``OrderedDict``.
"""

from __future__ import annotations

import gzip
import json
import sys
from functools import cache
from pathlib import Path
from typing import Any

from botocore.loaders import JSONFileLoader, Loader


class _Files(JSONFileLoader):  # type: ignore[misc]
    """Reads botocore's data files."""

    def load_file(self, file_path: str) -> Any:
        """The content of a file whose name is given without its ending; None where there is no such file."""
        for path, opened in ((f"{file_path}.json", open), (f"{file_path}.json.gz", gzip.open)):
            if Path(path).is_file():
                with opened(path, "rb") as file:
                    return json.load(file, object_pairs_hook=_kept)
        return None


def _kept(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    # The same few texts (types, names of shapes) stand in it thousands of times.
    return {
        key: sys.intern(value) if isinstance(value, str) else value
        for key, value in pairs
        # A member may bear this name, too: it is an object then.
        if key != "documentation" or not isinstance(value, str)
    }


@cache
def loader() -> Loader:
    """Botocore's loader, which keeps what it has read."""
    return Loader(file_loader=_Files())


def sagemaker() -> dict[str, Any]:
    """The model: ``operations`` and ``shapes`` by name. Not to be changed."""
    found: dict[str, Any] = loader().load_service_model("sagemaker", "service-2")
    return found
