"""The picture of a definition's text: what the definition says, handed to the page as plain data."""

from __future__ import annotations

from airflow_ack_sagemaker.core.definition.parse import parse_definition
from airflow_ack_sagemaker.core.definition.problems import DefinitionError
from airflow_ack_sagemaker.core.pages.step_states import Picture, StepView, picture_of


def not_drawn(error: DefinitionError) -> str:
    """Why there is no picture: where, and not what, since the message may quote a value."""
    place = error.problems[0].pointer or "its beginning"
    return f"The definition cannot be drawn: this version does not understand what stands at {place}."


def readable_picture(text: str) -> tuple[Picture | None, str | None]:
    """The picture, or why there is none: SageMaker may know more than this version does."""
    try:
        definition = parse_definition(text, filled=True)
    except DefinitionError as error:
        return None, not_drawn(error)
    steps = (
        StepView(
            step.name,
            step.type,
            step.display_name or None,
            parent=step.parent,
            # The steps of a loop's body are in no branch: they run each time.
            branch=None if step.branch == "body" else step.branch,
        )
        for step in definition.steps
    )
    return picture_of(steps, definition.graph.edges, definition.graph.order()), None
