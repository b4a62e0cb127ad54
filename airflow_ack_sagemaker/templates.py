"""Templates that leave a value what it is: a text stays a text.

With ``render_template_as_native_obj=True`` Jinja reads each text again as a Python literal, also one without any
template in it: the version "1.10" becomes the number 1.1, and "0x1F" becomes 31. So here

- a text without template markers is not rendered at all;
- a field that must be a text (`TEXT`), and the values of parameters, tags, labels and annotations (`TEXT_VALUES`), get
  what the template's expression gives, and a text that it gives is not read again. ``"{{ params.rounds }}"`` is a
  number where the parameter is one;
- what is not a text then becomes one in a field that must be a text, or is refused.

Other fields (a spec, placeholders) are rendered as the DAG says.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import jinja2
    from airflow.sdk import BaseOperator, Context

    _Base = BaseOperator
else:
    _Base = object

TEXT = frozenset(
    {
        "accept",
        "aws_conn_id",
        "contains",
        "content_type",
        "definition_bucket",
        "definition_sha256",
        "definition_uri",
        "definition_version_id",
        "deletion_policy",
        "description",
        "display_name",
        "endpoint_name",
        "execution_role_arn",
        "instance_type",
        "kind",
        "kubernetes_conn_id",
        "model_package_arn",
        "model_package_group",
        "name",
        "namespace",
        "payload",
        "pipeline_name",
        "pipeline_resource_name",
        "region",
        "report",
        "report_uri",
        "resource_name",
        "role_arn",
        "source_execution_arn",
    }
)
"""Template fields, of any operator or sensor here, that hold one text or None."""

TEXT_VALUES = frozenset({"annotations", "environment", "executions", "labels", "parameters", "selected_steps", "tags"})
"""Template fields in whose depth a text is meant as such."""

_READ_AGAIN = "ack_sagemaker_reads_again"
"""Attribute of an environment: whether a text that an expression gives is read again, as Jinja's native one does."""


class TextTemplates(_Base):
    """Mixin of operators and sensors, before Airflow's base class."""

    def render_template(
        self,
        content: Any,
        context: Context,
        jinja_env: jinja2.Environment | None = None,
        seen_oids: set[int] | None = None,
    ) -> Any:
        """Airflow's, but a text stays one (see the module)."""
        if isinstance(content, str) and not content.endswith(tuple(self.template_ext)):
            jinja_env = jinja_env or self.get_template_env()
            if not _has_template(content, jinja_env):
                return content
            if not getattr(jinja_env, _READ_AGAIN, True):
                return _given(jinja_env.from_string(content).generate(context))
        return super().render_template(content, context, jinja_env, seen_oids)

    def _do_render_template_fields(
        self,
        parent: Any,
        template_fields: Iterable[str],
        context: Context,
        jinja_env: jinja2.Environment,
        seen_oids: set[int],
    ) -> None:
        # The hook that both a task and a mapped one go through, in Airflow 3.1 to 3.3.
        if parent is not self:
            super()._do_render_template_fields(parent, template_fields, context, jinja_env, seen_oids)
            return
        names = list(template_fields)
        # A template for a whole mapping may write it down as a text, which only the DAG's own way makes a mapping of.
        texts = [
            name
            for name in names
            if name in TEXT or (name in TEXT_VALUES and not isinstance(getattr(self, name, None), str))
        ]
        plain = jinja_env.overlay()
        setattr(plain, _READ_AGAIN, False)
        super()._do_render_template_fields(parent, texts, context, plain, seen_oids)
        others = [name for name in names if name not in texts]
        super()._do_render_template_fields(parent, others, context, jinja_env, seen_oids)
        for name in TEXT.intersection(names):
            value = getattr(self, name)
            if value is not None and type(value) is not str:
                setattr(self, name, _as_text(name, value))


def _has_template(text: str, jinja_env: jinja2.Environment) -> bool:
    marks = (
        jinja_env.variable_start_string,
        jinja_env.block_start_string,
        jinja_env.comment_start_string,
        jinja_env.line_statement_prefix,
        jinja_env.line_comment_prefix,
    )
    return any(mark in text for mark in marks if mark)


def _given(parts: Iterable[Any]) -> Any:
    """What a template gives: the value of its only expression, else the text of all of it."""
    from jinja2 import Undefined

    values = list(parts)
    if len(values) == 1 and not isinstance(values[0], Undefined):
        return values[0]
    return "".join(map(str, values))


def _as_text(name: str, value: Any) -> str:
    """The text of a single value.

    :raises AckInputError: it is a collection.
    """
    from airflow_ack_sagemaker.exceptions import AckInputError

    if isinstance(value, Mapping | list | tuple | set | frozenset | bytes):
        said = repr(value)
        said = said if len(said) <= 80 else f"{said[:79]}…"
        raise AckInputError(
            f"{name} must be a text, not {type(value).__name__} {said}: correct what its template gives."
        )
    return str(value)
