"""What the proxy can do to a request, each a function of an exchange."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable

from tests.chaos.proxy import Action, Exchange

Hook = Callable[[Exchange], None]
_PATIENCE = 120.0
"""Seconds after which a client that waits for a reply is one that waits for ever."""


def refuse(status: int, reason: str = "", retry_after: str = "") -> Action:
    """Answer with a status in the server's place; it never sees the request."""

    def act(exchange: Exchange) -> None:
        body = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": status, "reason": reason}
        message = f"{status} by the fault proxy"
        exchange.reply(status, {**body, "message": message}, **({"Retry_After": retry_after} if retry_after else {}))

    return act


def unsent(hook: Hook | None = None) -> Action:
    """Break the connection, the request not passed on; ``hook`` comes first."""

    def act(exchange: Exchange) -> None:
        if hook:
            hook(exchange)
        exchange.drop()

    return act


def unanswered(hook: Hook | None = None) -> Action:
    """Have the request carried out, then break the connection instead of replying; ``hook`` is called in between."""

    def act(exchange: Exchange) -> None:
        exchange.forward().read()
        if hook:
            hook(exchange)
        exchange.drop()

    return act


def answered(hook: Hook) -> Action:
    """Pass request and reply on; ``hook`` is called when the whole reply is on its way."""

    def act(exchange: Exchange) -> None:
        exchange.relay()
        hook(exchange)

    return act


def preceded(hook: Hook) -> Action:
    """Pass request and reply on; ``hook`` comes first."""

    def act(exchange: Exchange) -> None:
        hook(exchange)
        exchange.relay()

    return act


def followed(hook: Hook) -> Action:
    """Pass request and reply on; ``hook`` comes when the request is carried out, before anybody knows."""

    def act(exchange: Exchange) -> None:
        response = exchange.forward()
        hook(exchange)
        exchange.relay(response)

    return act


def misreported(status: int) -> Action:
    """Have the request carried out, and answer that it was not."""

    def act(exchange: Exchange) -> None:
        exchange.forward().read()
        refuse(status)(exchange)

    return act


def silent(*, effect: bool) -> Action:
    """Let the client wait until it gives up, the request carried out or not: a server that hangs."""

    def act(exchange: Exchange) -> None:
        if effect:
            exchange.forward().read()
        if not exchange.await_hangup(_PATIENCE):
            raise TimeoutError(f"after {_PATIENCE:.0f} s the client still waits")
        exchange.drop()

    return act


def held(release: threading.Event, longest: float) -> Action:
    """Let the request wait for ``release``, ``longest`` seconds at most, then pass it on."""

    def act(exchange: Exchange) -> None:
        release.wait(longest)
        exchange.relay()

    return act


def half_line() -> Action:
    """Pass a watch on up to the middle of the next line, and end the connection there."""

    def act(exchange: Exchange) -> None:
        exchange.relay(limit=lambda piece: piece[: len(piece) // 2])

    return act


def expired_event() -> Action:
    """Answer a watch with the event that says its version is too old (410)."""

    def act(exchange: Exchange) -> None:
        status = {"kind": "Status", "code": 410, "reason": "Expired", "message": "too old resource version"}
        exchange.reply(200, {"type": "ERROR", "object": {"apiVersion": "v1", "status": "Failure", **status}})

    return act


# What requests are told by.


def creates(identity: str) -> Callable[[Exchange], bool]:
    """The creation of a run's PipelineExecution; ``identity`` is the run's digest."""
    return lambda exchange: exchange.method == "POST" and identity in exchange.text


def records(identity: str) -> Callable[[Exchange], bool]:
    """The patch which says that a run's outcome was told to Airflow."""
    return lambda exchange: exchange.method == "PATCH" and identity in exchange.path and "/reported" in exchange.text


def looks(identity: str) -> Callable[[Exchange], bool]:
    """The list by which a try of a run without a history limit looks for what earlier ones have made."""
    return lambda exchange: exchange.method == "GET" and not exchange.watch and identity in exchange.path


def watches(exchange: Exchange) -> bool:
    """A watch, of the triggerer or of a task."""
    return exchange.watch


def stores_result(run_id: str) -> Callable[[Exchange], bool]:
    """A task's push of its return value to Airflow."""
    return lambda exchange: (
        exchange.method == "POST"
        and "/xcoms/" in exchange.path
        and run_id in exchange.path
        and "/return_value" in exchange.path
    )


def sets_state(state: str, mine: Callable[[Exchange], bool]) -> Callable[[Exchange], bool]:
    """A task's message to Airflow that it is now in a state."""

    def matches(exchange: Exchange) -> bool:
        if exchange.method != "PATCH" or not exchange.path.split("?")[0].endswith("/state"):
            return False
        return bool(json.loads(exchange.body).get("state") == state and mine(exchange))

    return matches


def begins(task_instance_id: str) -> Callable[[Exchange], bool]:
    """A worker's message to Airflow that it begins with a task, or resumes it."""
    return lambda exchange: exchange.method == "PATCH" and f"/{task_instance_id}/run" in exchange.path


def is_begun(exchange: Exchange) -> bool:
    """A worker's message that it begins with a task, whichever, or resumes it."""
    return exchange.method == "PATCH" and exchange.path.split("?")[0].endswith("/run")
