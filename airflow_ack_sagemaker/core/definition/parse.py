"""A SageMaker pipeline definition (schema "2020-12-01"): parsed, filled, checked and made canonical.

The check is structural and errs on the side of passing: what the SageMaker Python SDK emits passes, what SageMaker is
sure to refuse does not, and everything between is a warning. The JSON schema that AWS once published is not the
judge: it refuses what today's SDK emits.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from airflow_ack_sagemaker.core.definition.document import canonical, read
from airflow_ack_sagemaker.core.definition.graph import Branch, StepGraph, graph_of
from airflow_ack_sagemaker.core.definition.parameters import Parameter, bind, declarations, launch_parameters
from airflow_ack_sagemaker.core.definition.placeholders import fill
from airflow_ack_sagemaker.core.definition.problems import DefinitionError, Findings, Problem, quoted
from airflow_ack_sagemaker.core.definition.steps import Step, StepReader

__all__ = [
    "MAX_CHARACTERS",
    "Definition",
    "DefinitionError",
    "Parameter",
    "Problem",
    "Step",
    "StepGraph",
    "launch_parameters",
    "parse_definition",
]

VERSIONS = ("2020-12-01",)

MAX_CHARACTERS = 1_048_576
"""The longest definition that SageMaker takes (API model, ``PipelineDefinition``)."""

_TOP_LEVEL = frozenset({"Version", "Metadata", "Parameters", "PipelineExperimentConfig", "MlflowConfig", "Steps"})

_NAMED_BEFORE = {
    "PipelineExperimentConfig": "no step has run when the experiment is named.",
    "MlflowConfig": "no step has run when MLflow is set up.",
}
"""Objects that are null or have references, and why those cannot be to a step."""


@dataclass(frozen=True)
class Definition:
    """A definition that can be sent to SageMaker.

    ``text`` is its canonical JSON and ``sha256`` the hex digest of that text in UTF-8: equal definitions have equal
    texts, however they were formatted. ``document`` is the parsed JSON after the placeholders were filled: do not
    change it. ``steps`` are those of all branches in document order. ``warnings`` are doubts that were no reason to
    refuse: the first ones, and one that counts the others.
    """

    text: str
    sha256: str
    document: dict[str, Any] = field(repr=False, compare=False)
    parameters: tuple[Parameter, ...]
    steps: tuple[Step, ...]
    graph: StepGraph = field(repr=False)
    warnings: tuple[Problem, ...] = field(default=(), compare=False)

    def launch_parameters(self, values: Mapping[str, object]) -> list[dict[str, str]]:
        """The given values as ``pipelineParameters`` of a launch, ``[{"name": ..., "value": ...}]`` in the definition's
        order.

        :raises DefinitionError: unknown or missing parameters, values of the wrong type, not allowed or too long: all
            of them at once.
        """
        return bind(self.parameters, values)


def parse_definition(
    text: str | bytes,
    *,
    placeholders: Mapping[str, object] | None = None,
    source: str = "pipeline definition",
    filled: bool = False,
) -> Definition:
    """Read a definition, fill its placeholders, check it.

    :param text: JSON; bytes are UTF-8.
    :param placeholders: values for ``<<NAME>>`` and ``<NAME>``, by name without brackets. A value is put inside the
        parsed string (it cannot add JSON) and is not looked through for placeholders again.
    :param source: where the text came from (an S3 URI, a file), for the messages.
    :param filled: the text is what SageMaker has, which knows no placeholders: what looks like one is a part of it.
    :raises DefinitionError: with every problem that was found; text that is no JSON ends the search at once.
    """
    raw = read(text, source)
    if not isinstance(raw, dict):
        kind = {list: "a list", str: "a string", bool: "a boolean", type(None): "null"}.get(type(raw), "a number")
        message = f'JSON of the wrong shape: {kind}, not an object {{"Version": ..., "Steps": [...]}}.'
        if isinstance(raw, str):
            message += " The definition seems to be JSON inside a JSON string: store the inner text itself."
        raise DefinitionError([Problem("", message)], source)
    findings = Findings()
    document = raw if filled else fill(raw, placeholders or {}, findings)
    _check_top_level(document, findings)
    parameters = declarations(document.get("Parameters"), findings)
    reader = StepReader(frozenset(parameter.name for parameter in parameters), findings)
    steps = reader.read(document.get("Steps"))
    for name, why in _NAMED_BEFORE.items():
        for reference in reader.resolve(document.get(name), (None, name)):
            if reference.root == "Steps":
                findings.problem(reference.path, f"{quoted(reference.expression)}: {why}")
    graph = _graph(steps)
    _check_circles(steps, graph, findings)
    canonical_text = canonical(document)
    if len(canonical_text) > MAX_CHARACTERS:
        size = f"{len(canonical_text):,} characters, more than the {MAX_CHARACTERS:,} that SageMaker takes"
        findings.problem(None, f"the definition has {size}. Move inlined data to S3.")
    if findings.problems:
        raise DefinitionError(findings.problems, source)
    return Definition(
        text=canonical_text,
        sha256=hashlib.sha256(canonical_text.encode()).hexdigest(),
        document=document,
        parameters=parameters,
        steps=steps,
        graph=graph,
        warnings=findings.warnings,
    )


def _check_top_level(document: dict[str, Any], findings: Findings) -> None:
    version = document.get("Version")
    if version not in VERSIONS:
        found = (
            f"{quoted(version)} is not a schema version that SageMaker knows."
            if "Version" in document
            else "no Version."
        )
        findings.problem((None, "Version"), f'{found} Use "{VERSIONS[-1]}".')
    for name in ("Metadata", *_NAMED_BEFORE):
        value = document.get(name)
        if value is not None and not isinstance(value, dict):
            findings.problem((None, name), f"an object is needed, not {quoted(value)}.")
    for name in document:
        if name not in _TOP_LEVEL:
            findings.warn((None, name), f"unknown name at the top level.{findings.suggestion(name, _TOP_LEVEL)}")


def _check_circles(steps: tuple[Step, ...], graph: StepGraph, findings: Findings) -> None:
    by_name = {step.name: step for step in steps}
    cycles, why = graph.cycles(), ""
    if not cycles:
        # What stands outside of a ForEach waits for the whole of it, and so for all that its body waits for.
        whole: dict[str, str] = {}
        for step in steps:  # a ForEach comes before its body
            in_loop = step.branch == "body" and step.parent is not None
            whole[step.name] = whole.get(step.parent or "", step.name) if in_loop else step.name
        edges = ((whole[before], whole[name]) for before, name in graph.edges)
        outside = [name for name in graph.nodes if whole[name] == name]
        cycles = graph_of(outside, ((a, b) for a, b in edges if a != b), {}).cycles()
        why = " A ForEach is over when all steps of its body are."
    for cycle in cycles:
        message = (
            f"steps wait for each other in a circle: {' -> '.join(cycle[:20])}{' -> ...' if len(cycle) > 20 else ''}."
        )
        advice = f"{message}{why} Take away a DependsOn or a reference."
        findings.problems.append(Problem(by_name[cycle[0]].pointer, advice))


def _graph(steps: tuple[Step, ...]) -> StepGraph:
    edges: list[tuple[str, str]] = []
    branches: dict[tuple[str, Branch], list[str]] = {}
    triggers: dict[tuple[str, str], str] = {}
    names = {step.name for step in steps}
    for step in steps:
        edges.extend((name, step.name) for name in (*step.depends_on, *step.references))
        triggers.update(((name, step.name), trigger) for name, trigger in step.triggers.items())
        # The condition (or loop) may be missing among the steps when its own name is already taken.
        if step.parent in names and step.parent is not None and step.branch is not None:
            edges.append((step.parent, step.name))
            branches.setdefault((step.parent, step.branch), []).append(step.name)
    return graph_of([step.name for step in steps], edges, branches, triggers)
