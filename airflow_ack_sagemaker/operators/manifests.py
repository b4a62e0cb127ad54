"""What the operators for any kind have in common: one resource, or a manifest and where it comes from.

A manifest is Python objects, the text of YAML, a file beside the DAG, or an object in S3.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow_ack_sagemaker.operators.base import AckOperator

if TYPE_CHECKING:
    from airflow.sdk import Context

    from airflow_ack_sagemaker.core.resource.documents import Document

_SUFFIXES = (".yaml", ".yml", ".json")


class ManifestOperator(AckOperator):
    """One resource by its parts (``kind``, ``name``, ...), or a ``manifest``."""

    template_fields: Sequence[str] = (*AckOperator.template_fields, "kind", "name", "manifest", "aws_conn_id")

    def __init__(
        self,
        *,
        kind: str | None,
        name: str | None,
        manifest: Mapping[str, Any] | Sequence[Mapping[str, Any]] | str | None = None,
        aws_conn_id: str | None = "aws_default",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.kind = kind
        self.name = name
        self.manifest = manifest
        self.aws_conn_id = aws_conn_id

    @abstractmethod
    def one(self) -> Document:
        """The resource that the parameters other than ``manifest`` ask for."""

    def documents(self, context: Context) -> list[Document]:
        """All resources, in the order in which they are applied.

        :raises AckInputError: one of them makes no sense; nothing was written.
        :raises AckClusterError: S3 cannot be asked now.
        """
        from airflow_ack_sagemaker.aws.errors import SourceError
        from airflow_ack_sagemaker.core.resource.manifest import SpecError
        from airflow_ack_sagemaker.exceptions import AckClusterError, AckInputError

        try:
            if self.manifest is None:
                return [self.one()]
            if self.kind is not None or self.name is not None:
                raise SpecError("Give either manifest, or kind and name, not both.")
            return read_manifest(
                self.manifest,
                folder=Path(self.dag.fileloc).parent,
                aws_conn_id=self.aws_conn_id,
                render=lambda text: self.render_template(text, context),
            )
        except SourceError as error:
            raise (AckClusterError if error.retryable else AckInputError)(str(error)) from error
        except SpecError as error:
            raise AckInputError(str(error)) from error


def read_manifest(given: Any, *, folder: Path, aws_conn_id: str | None, render: Callable[[str], Any]) -> list[Document]:
    """The resources that a manifest asks for, in the order in which they are applied.

    A text that is one line and ends in ``.yaml``, ``.yml`` or ``.json`` names a file; ``s3://bucket/key`` an object.

    :param folder: where a relative path begins.
    :param render: renders a file's text as a template. An object's text is taken as it is: who may write into the
        bucket must not read Airflow's connections.
    :raises SpecError: no such file, no YAML, or no resource of the controller's.
    :raises SourceError: S3 cannot be read.
    """
    from airflow_ack_sagemaker.core.resource.documents import documents_of

    if not isinstance(given, str):
        return documents_of(given)
    place = given.strip()
    if "\n" in place or ": " in place:
        return documents_of(_parsed(given, "manifest"))
    if place.startswith("s3://"):
        from airflow_ack_sagemaker.aws.s3 import S3Source, fetch_definition

        content = fetch_definition(S3Source.parse(place), aws_conn_id=aws_conn_id).content
        return documents_of(_parsed(content, place))
    if place.endswith(_SUFFIXES):
        text = render(_file(folder / place))
        return documents_of(_parsed(text, place) if isinstance(text, str) else text)
    return documents_of(_parsed(given, "manifest"))


def _file(path: Path) -> str:
    from airflow_ack_sagemaker.core.resource.manifest import SpecError

    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SpecError(f"manifest {path} cannot be read: {error}. A relative path begins at the DAG's file.") from None


def _parsed(text: str | bytes, where: str) -> Any:
    """All documents of YAML, of which JSON is a part."""
    from airflow_ack_sagemaker.core.resource.manifest import SpecError
    from airflow_ack_sagemaker.untrusted_yaml import MAX_ADDED, UntrustedYamlError, documents_in

    try:
        found = documents_in(text, aliases=MAX_ADDED)
    except UntrustedYamlError as error:
        raise SpecError(f"{where} {'cannot be read' if error.reason else 'is no YAML'}: {error}") from None
    items: list[Any] = []
    for one in found:
        # What `kubectl get -o yaml` writes of several.
        is_list = isinstance(one, Mapping) and one.get("kind") == "List" and isinstance(one.get("items"), list)
        items.extend(one["items"] if is_list else [one])
    return items
