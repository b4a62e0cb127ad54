"""Bodies: what a request's body says, and in which form the answer goes back."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final

import yaml

from airflow_ack_sagemaker.sandbox.apiserver import protobuf, yaml_body
from airflow_ack_sagemaker.sandbox.apiserver.errors import ApiFailure, bad_request, not_acceptable

BODY_LIMIT = 3 * 1024 * 1024
"""The limit of a request's body, in bytes."""

JSON: Final = "application/json"
YAML: Final = "application/yaml"


_ESCAPED_HALF = re.compile(r"(?<!\\)(?:\\\\)*\\u[dD][89a-fA-F]")
_HALF = re.compile("[\ud800-\udfff]")
"""Half of a character in UTF-16. JSON can write one alone, but no text has it: Go reads U+FFFD instead."""
_NOT_IN_YAML = re.compile("[\x7f-\x84\x86-\x9f\ufffe\uffff]")

_SHAPED = (("v1", "meta.k8s.io"), ("v1beta1", "meta.k8s.io"))
"""Version and group of the shapes that an answer may be asked for in."""


@dataclass(frozen=True, slots=True)
class Form:
    """The form of an answer: JSON or YAML; as the object itself, a Table, or metadata only (``shape``)."""

    media: str = JSON
    shape: str = ""


def form(accept: str, *, shapes: Iterable[str] = ()) -> Form:
    """The first form in an Accept header that can be served.

    :raises ApiFailure: 406, none can.
    """
    if not accept.strip():
        return Form()
    for clause in accept.split(","):
        media, *parameters = (part.strip() for part in clause.split(";"))
        if media not in (JSON, YAML, "*/*", "application/*"):
            continue
        wanted = dict(part.split("=", 1) for part in parameters if "=" in part)
        shape = wanted.get("as", "")
        if shape and (shape not in shapes or (wanted.get("v"), wanted.get("g")) not in _SHAPED):
            continue
        return Form(YAML if media == YAML else JSON, shape)
    raise not_acceptable()


def encode(body: Any, media: str = JSON) -> bytes:
    """A body in JSON (members sorted, as the server writes them) or YAML."""
    if media == YAML:
        return yaml.safe_dump(body, sort_keys=True, allow_unicode=True).encode()
    return json.dumps(body, separators=(",", ":"), sort_keys=True, ensure_ascii=False).encode() + b"\n"


def _no_constant(name: str) -> Any:
    raise ValueError(f"invalid character '{name[0]}' looking for beginning of value")


def _repeated(value: Any, path: str) -> Iterator[str]:
    if isinstance(value, _Repeated):
        yield from (f"{path}.{name}" if path else name for name in value.names)
    if isinstance(value, dict):
        for key, member in value.items():
            yield from _repeated(member, f"{path}.{key}" if path else key)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _repeated(item, f"{path}[{index}]")


def _whole(value: Any) -> Any:
    """A value whose texts have no half characters."""
    if isinstance(value, str):
        return _HALF.sub("\ufffd", value)
    if isinstance(value, list):
        return [_whole(item) for item in value]
    if isinstance(value, dict):
        found = {_whole(key): _whole(member) for key, member in value.items()}
        if isinstance(value, _Repeated):
            whole = _Repeated(found)
            whole.names = [_whole(name) for name in value.names]
            return whole
        return found
    return value


class _Repeated(dict[str, Any]):
    """An object in which a name stands more than once; the last value counts."""

    names: list[str]


def parse_json(data: bytes, repeated: list[str] | None = None) -> Any:
    """The JSON value of a body.

    :param repeated: gets a sentence for each member that stands more than once.
    :raises ValueError: it is none.
    """
    found = False

    def made(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        nonlocal found
        plain = dict(pairs)
        if len(plain) == len(pairs):
            return plain
        found = True
        result = _Repeated(plain)
        result.names = [name for name, count in Counter(name for name, _ in pairs).items() if count > 1]
        return result

    # Go takes bytes that are no UTF-8 for U+FFFD, and knows no other encoding.
    text = data.decode(errors="replace")
    try:
        value = json.loads(text, parse_constant=_no_constant, object_pairs_hook=made)
        if _ESCAPED_HALF.search(text):
            value = _whole(value)
        if found and repeated is not None:
            repeated.extend(f'duplicate field "{path}"' for path in _repeated(value, ""))
        return value
    except RecursionError:
        raise ValueError("exceeded max depth") from None


def parse_object(
    data: bytes, media: str, kind: str, *, implied: bool = False, repeated: list[str] | None = None
) -> Any:
    """The object in the body of a create or replace; ``kind`` is named in the error, and ``implied`` by the path.

    :param repeated: gets a sentence for each member that stands more than once.
    :raises ApiFailure: 400, the body is not what its content type says.
    """
    text = data.decode(errors="replace")
    if media == protobuf.MEDIA_TYPE:
        try:
            return protobuf.parse(data)
        except ValueError as error:
            raise bad_request(f"the object provided is unrecognized (must be of type {kind}): {error}") from None
    try:
        body = yaml_body.load(data, repeated) if media == YAML else parse_json(data, repeated)
    except (ValueError, yaml.YAMLError) as error:
        problem = f"couldn't get version/kind; json parse error: {decoder_error(error, text)}"
    else:
        if body is None and implied:
            return {}
        if isinstance(body, dict) and isinstance(body.get("kind", ""), str) and (body.get("kind") or implied):
            return body
        problem = f"Object 'Kind' is missing in '{text}'"
    short = text if len(text) <= 30 else f"{text[:30]} ..."
    raise bad_request(f"the object provided is unrecognized (must be of type {kind}): {problem} ({short})")


def decoder_error(error: Exception, text: str) -> str:
    """The error of a parser in the words of Go's JSON decoder."""
    if not isinstance(error, json.JSONDecodeError):
        return str(error)
    if error.pos >= len(text.rstrip()):
        return "unexpected end of JSON input"
    where = "value" if error.msg.startswith("Expecting value") else "object key string"
    return f"invalid character '{text[error.pos]}' looking for beginning of {where}"


def parse_patch(data: bytes, repeated: list[str], *, is_yaml: bool) -> Any:
    """The patch in a body: YAML for a server-side apply, else JSON.

    :param repeated: gets what stands more than once, in words.
    :raises ApiFailure: 400, it is neither.
    """
    found: list[str] = []
    if is_yaml:
        _check_yaml(data)
    try:
        value = parse_json(data, found)
    except ValueError:
        if not is_yaml:
            raise bad_request("invalid JSON patch") from None
    else:
        # An apply is read as YAML, which JSON is; as JSON it is read faster.
        if not (found and is_yaml):
            repeated.extend(found)
            return value
    try:
        return yaml_body.load(data, repeated)
    except yaml.YAMLError as error:
        problem = getattr(error, "problem", None) or str(error)
        raise bad_request(f"error encoding patch: yaml: {problem}") from None


def _check_yaml(data: bytes) -> None:
    """Refuse what JSON may have and YAML may not: an apply is YAML.

    :raises ApiFailure: 400.
    """
    problem, text = "", data.decode(errors="replace")
    if text.encode() != data:
        problem = "invalid leading UTF-8 octet"
    elif _NOT_IN_YAML.search(text):
        problem = "control characters are not allowed"
    elif _ESCAPED_HALF.search(text):
        problem = "found invalid Unicode character escape code"
    if problem:
        raise bad_request(f"error decoding patch: error converting YAML to JSON: yaml: {problem}")


def status_of(failure: ApiFailure) -> bytes:
    """The body of a failure: JSON always, whatever the client accepts."""
    return encode(failure.as_status())
