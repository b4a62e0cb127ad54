"""The HTTP face of the server: paths and verbs to reads and writes, answers in the form that the client accepts."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import UTC, datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from airflow_ack_sagemaker.sandbox.apiserver import discovery, errors, negotiation, openapi, reads, reviews
from airflow_ack_sagemaker.sandbox.apiserver.cluster import Cluster
from airflow_ack_sagemaker.sandbox.apiserver.decoding import (
    APPLY_PATCH,
    JSON_PATCH,
    MERGE_PATCH,
    STRATEGIC_PATCH,
    Options,
    Target,
    decode,
    note_repeated,
)
from airflow_ack_sagemaker.sandbox.apiserver.health import health, is_health
from airflow_ack_sagemaker.sandbox.apiserver.kinds import EVENTS, LEASES
from airflow_ack_sagemaker.sandbox.apiserver.negotiation import Form
from airflow_ack_sagemaker.sandbox.apiserver.requests import (
    BODIES,
    Parsed,
    as_watch,
    check_timeout,
    delete_options,
    media_type,
    parse_path,
    watched,
    write_options,
)
from airflow_ack_sagemaker.sandbox.apiserver.resource import Resource
from airflow_ack_sagemaker.sandbox.apiserver.store import Object
from airflow_ack_sagemaker.sandbox.apiserver.table import partial, table
from airflow_ack_sagemaker.sandbox.apiserver.warning_headers import warning_headers

_PIECE_BYTES = 65_536
_SHAPES = ("Table", "PartialObjectMetadata", "PartialObjectMetadataList")


class Api:
    """Answers requests to one cluster; every request but the health checks must carry ``token`` as bearer token."""

    def __init__(self, served: Cluster, token: str) -> None:
        self.cluster = served
        self.token = token
        self._openapi: dict[str, tuple[int, bytes]] = {}

    async def __call__(self, request: Request) -> Response:
        """Answer one request."""
        try:
            return await self._answer(request)
        except RecursionError:
            # Not as deep as what the server's decoder refuses, yet too deep here.
            return Response(
                negotiation.status_of(errors.bad_request("exceeded max depth")), 400, media_type=negotiation.JSON
            )
        except errors.PageNotFound:
            return PlainTextResponse("404 page not found\n", 404, {"X-Content-Type-Options": "nosniff"})
        except errors.ApiFailure as failure:
            response = Response(negotiation.status_of(failure), failure.code, media_type=negotiation.JSON)
            if failure.retry_after:
                response.headers["Retry-After"] = str(failure.retry_after)
            return _warned(response, failure.warnings)

    def _authenticate(self, request: Request) -> None:
        scheme, _, given = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not secrets.compare_digest(given.strip().encode(), self.token.encode()):
            raise errors.unauthorized()

    async def _answer(self, request: Request) -> Response:
        path = request.url.path
        if "watch" not in request.query_params:
            check_timeout(request.query_params)
        if path in ("/version", "/version/") or is_health(path):
            if request.method != "GET" and not (request.method == "HEAD" and is_health(path)):
                raise errors.no_such_method()
            if not is_health(path):
                return self._document(discovery.VERSION)
            return PlainTextResponse(health(path, verbose="verbose" in request.query_params))
        self._authenticate(request)
        document = self._discover(request, path.removesuffix("/") or "/")
        if document is not None:
            if request.method not in ("GET", "HEAD"):
                raise errors.no_such_method()
            return document
        query = dict(request.query_params)
        if (below := watched(path)) is None:
            return await self._resource(request, parse_path(self.cluster.catalog, path), query)
        parsed = parse_path(self.cluster.catalog, below)
        if request.method not in ("GET", "HEAD"):
            raise errors.no_such_method()
        return await self._resource(request, *as_watch(parsed, query))

    @staticmethod
    def _document(body: Any) -> Response:
        return Response(negotiation.encode(body), media_type=negotiation.JSON)

    def _discover(self, request: Request, path: str) -> Response | None:
        catalog = self.cluster.catalog
        parts = path.strip("/").split("/")
        if path in ("/api", "/apis"):
            accept = request.headers.get("accept", "")
            if "as=APIGroupDiscoveryList" in accept and "v=v2;" in accept:
                body = negotiation.encode(discovery.aggregated(catalog, core=path == "/api"))
                return Response(body, headers={"Content-Type": discovery.AGGREGATED})
            return self._document(
                discovery.api_versions(request.url.netloc) if path == "/api" else discovery.groups(catalog)
            )
        if path == "/":
            paths = ["/api", "/api/v1", "/apis", "/healthz", "/livez", "/openapi/v3", "/readyz", "/version"]
            return self._document({"paths": sorted(paths)})
        if parts == ["openapi", "v2"]:
            return Response(openapi.VERSION_2, headers={"Content-Type": openapi.VERSION_2_MEDIA_TYPE})
        if parts[:2] == ["openapi", "v3"]:
            return self._open_api("/".join(parts[2:]))
        found: Any = None
        if path == "/api/v1":
            found = discovery.resources(catalog, "", "v1")
        elif parts[0] == "apis" and len(parts) == 2:
            found = discovery.group(catalog, parts[1])
        elif parts[0] == "apis" and len(parts) == 3:
            found = discovery.resources(catalog, parts[1], parts[2])
        else:
            return None
        if found is None:
            if any(resource.group == parts[1] and not resource.custom for resource in catalog.all()):
                raise errors.no_such_resource()
            raise errors.PageNotFound
        return self._document(found)

    def _open_api(self, path: str) -> Response:
        catalog = self.cluster.catalog
        known = self._openapi.get(path)
        if known is None or known[0] != catalog.generation:
            group, _, version = (
                path.removeprefix("apis/").rpartition("/") if path.startswith("apis/") else ("", "", "v1")
            )
            if path and path != "api/v1" and not path.startswith("apis/"):
                raise errors.PageNotFound
            body = openapi.document(catalog, group, version) if path else openapi.index(catalog)
            if body is None:
                raise errors.PageNotFound
            known = self._openapi[path] = catalog.generation, negotiation.encode(body)
        return Response(known[1], media_type=negotiation.JSON)

    # -- resources

    async def _resource(self, request: Request, parsed: Parsed, query: dict[str, str]) -> Response:
        target = parsed.target
        resource = target.resource
        method = request.method
        if "get" not in resource.verbs:
            return await self._review(request, target)
        if target.subresource and method in ("POST", "DELETE"):
            raise errors.method_not_allowed(resource, {"POST": "create", "DELETE": "delete"}[method])
        if method in ("GET", "HEAD"):
            return await self._read(request, target, query)
        if not target.name and resource.namespaced and not target.namespace:
            raise errors.PageNotFound if resource.custom else errors.no_such_method()
        if method == "DELETE":
            if not target.name and "deletecollection" not in resource.verbs:
                raise errors.no_such_method()
            return await self._delete(request, target, query)
        if method == "POST":
            return await self._write(request, target, query, "CreateOptions")
        if method in ("PUT", "PATCH"):
            if not target.name:
                raise errors.bad_request("name must be provided")
            return await self._write(request, target, query, "UpdateOptions" if method == "PUT" else "PatchOptions")
        raise errors.method_not_allowed(resource, "") if resource.custom else errors.no_such_method()

    async def _body(self, request: Request) -> bytes:
        data = bytearray()
        async for chunk in request.stream():
            data += chunk
            if len(data) > negotiation.BODY_LIMIT:
                raise errors.too_large(negotiation.BODY_LIMIT)
        return bytes(data)

    async def _write(self, request: Request, target: Target, query: dict[str, str], kind: str) -> Response:
        resource, method = target.resource, request.method
        wanted = negotiation.form(request.headers.get("accept", ""), shapes=_SHAPES)
        media = media_type(request.headers.get("content-type", ""))
        if method == "PATCH":
            accepted = [JSON_PATCH, MERGE_PATCH, APPLY_PATCH]
            if not resource.custom:
                accepted.insert(2, STRATEGIC_PATCH)
        else:
            accepted = list(BODIES)
        if media not in accepted:
            raise errors.unsupported_media(accepted)
        options = write_options(kind, query, request.headers.get("user-agent", ""), apply=media == APPLY_PATCH)
        data = await self._body(request)
        try:
            obj, created = self._written(method, media, target, data, options)
        except errors.ApiFailure as failure:
            failure.warnings = options.warnings
            raise
        return self._object(target, obj, wanted, options, 201 if created else 200, query)

    def _written(self, method: str, media: str, target: Target, data: bytes, options: Options) -> tuple[Object, bool]:
        repeated: list[str] = []
        if method == "PATCH":
            patch = negotiation.parse_patch(data, repeated, is_yaml=media == APPLY_PATCH)
            note_repeated(target, repeated, options, media)
            if media == APPLY_PATCH:
                return self.cluster.apply(target, patch, options)
            return self.cluster.patch(target, media, patch, options), False
        resource = target.resource
        body = negotiation.parse_object(data, media, resource.kind, implied=not resource.custom, repeated=repeated)
        note_repeated(target, repeated, options, media)
        missing = resource in (EVENTS, LEASES) and self.cluster.store.get(resource.qualified, target.key) is None
        if method == "POST" or missing:
            return self.cluster.create(target, body, options), True
        return self.cluster.replace(target, body, options), False

    def _object(
        self, target: Target, obj: Object, wanted: Form, options: Options | None, code: int, query: dict[str, str]
    ) -> Response:
        body = negotiation.encode(self._shaped(target, obj, wanted, query), wanted.media)
        return _warned(Response(body, code, media_type=wanted.media), options.warnings if options else [])

    @staticmethod
    def _shaped(target: Target, obj: Object, wanted: Form, query: dict[str, str]) -> Object:
        if wanted.shape == "Table":
            versions = {"resourceVersion": obj["metadata"].get("resourceVersion", "")}
            return table(target.resource, [obj], versions, include=query.get("includeObject", "Metadata"))
        if wanted.shape == "PartialObjectMetadataList":
            raise errors.internal("content is not a list")
        return partial(obj) if wanted.shape else obj

    async def _delete(self, request: Request, target: Target, query: dict[str, str]) -> Response:
        wanted = negotiation.form(request.headers.get("accept", ""), shapes=_SHAPES)
        media = media_type(request.headers.get("content-type", ""))
        agent = request.headers.get("user-agent", "")
        options, preconditions = delete_options(query, await self._body(request), media, agent)
        resource = target.resource
        if not target.name:
            chosen = reads.page(self.cluster.store, resource, target.namespace, reads.list_options(resource, query))
            for obj in chosen.objects:
                meta = obj["metadata"]
                self.cluster.delete(Target(resource, meta.get("namespace", ""), meta["name"]), options, preconditions)
            return self._list(target, chosen, wanted, query)
        obj, gone = self.cluster.delete(target, options, preconditions)
        if not gone:
            return self._object(target, obj, wanted, None, 200, query)
        details = {"name": target.name, "kind": resource.plural, "uid": obj["metadata"]["uid"]}
        if resource.group:
            details["group"] = resource.group
        return self._document(
            {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details}
        )

    async def _read(self, request: Request, target: Target, query: dict[str, str]) -> Response:
        wanted = negotiation.form(request.headers.get("accept", ""), shapes=_SHAPES)
        if target.name:
            reads.check_version(self.cluster.store, query.get("resourceVersion", ""))
            return self._object(target, self.cluster.writer.current(target), wanted, None, 200, query)
        if wanted.shape == "Table" and query.get("includeObject", "") not in ("", "Metadata", "Object", "None"):
            detail = "must be 'Metadata', 'Object', 'None', or empty"
            problem = f'includeObject: Invalid value: "{query["includeObject"]}": {detail}'
            raise errors.bad_request(f"Unable to convert to Table as requested: {problem}")
        options = reads.list_options(target.resource, query)
        if options.watch:
            return await self._watch(target, options, wanted, query)
        return self._list(
            target, reads.page(self.cluster.store, target.resource, target.namespace, options), wanted, query
        )

    def _list(self, target: Target, found: reads.Page, wanted: Form, query: dict[str, str]) -> Response:
        resource = target.resource
        metadata: Object = {"resourceVersion": str(found.revision)}
        if found.token or (resource.custom and not wanted.shape):
            metadata["continue"] = found.token
        if found.remaining:
            metadata["remainingItemCount"] = found.remaining
        if wanted.shape == "Table":
            body = table(resource, found.objects, metadata, include=query.get("includeObject", "Metadata"))
        elif wanted.shape == "PartialObjectMetadataList":
            items = [partial(obj) for obj in found.objects]
            body = {"kind": wanted.shape, "apiVersion": "meta.k8s.io/v1", "metadata": metadata, "items": items}
        else:
            body = {
                "kind": resource.list_name,
                "apiVersion": resource.api_version,
                "metadata": metadata,
                "items": [_item(resource, obj) for obj in found.objects],
            }
        return Response(negotiation.encode(body, wanted.media), media_type=wanted.media)

    async def _watch(self, target: Target, options: reads.ListOptions, wanted: Form, query: dict[str, str]) -> Response:
        batches = reads.watch(self.cluster.store, target.resource, target.namespace, options)
        # The first batch is made before the answer starts, so that a bad request still gets its own status code.
        first = await anext(batches)
        shape = self._event_shape(target, wanted, query)

        async def stream() -> AsyncIterator[bytes]:
            try:
                # An answer without an event yet must start all the same: the client waits for its headers.
                yield b""
                for piece in _pieces(first, shape):
                    yield piece
                async for batch in batches:
                    for piece in _pieces(batch, shape):
                        yield piece
            finally:
                await batches.aclose()  # type: ignore[attr-defined]

        return StreamingResponse(stream(), media_type=negotiation.JSON)

    def _event_shape(
        self, target: Target, wanted: Form, query: dict[str, str]
    ) -> Callable[[tuple[str, Object]], bytes]:
        resource = target.resource
        include = query.get("includeObject", "Metadata")
        columns_sent = False

        def shape(event: tuple[str, Object]) -> bytes:
            nonlocal columns_sent
            kind, obj = event
            if wanted.shape and kind == "BOOKMARK" and wanted.shape != "Table":
                obj = partial(obj)
            elif wanted.shape == "Table" and kind != "ERROR":
                versions = {"resourceVersion": obj["metadata"]["resourceVersion"]}
                obj = table(resource, [obj], versions, include=include)
                if columns_sent:
                    # The columns are told once, with the first event.
                    obj["columnDefinitions"] = None
                columns_sent = True
            elif wanted.shape and kind != "ERROR":
                obj = partial(obj)
            return negotiation.encode({"type": kind, "object": obj})

        return shape

    async def _review(self, request: Request, target: Target) -> Response:
        if target.resource.namespaced != bool(target.namespace):
            raise errors.PageNotFound
        if request.method != "POST" or target.name:
            raise errors.no_such_method()
        media = media_type(request.headers.get("content-type", ""))
        if media not in BODIES:
            raise errors.unsupported_media(BODIES)
        body = negotiation.parse_object(await self._body(request), media, target.resource.kind, implied=True)
        options = write_options("CreateOptions", dict(request.query_params), "", apply=False)
        answer = reviews.answer(target, decode(target, body, options), self.token)
        wanted = negotiation.form(request.headers.get("accept", ""))
        response = Response(negotiation.encode(answer, wanted.media), 201, media_type=wanted.media)
        return _warned(response, options.warnings)


def _pieces(events: list[tuple[str, Object]], shape: Callable[[tuple[str, Object]], bytes]) -> Iterator[bytes]:
    """The events as they are sent: many small ones at once, but never much more than a reader has taken."""
    piece = b""
    for event in events:
        piece += shape(event)
        if len(piece) > _PIECE_BYTES:
            yield piece
            piece = b""
    if piece:
        yield piece


def _item(resource: Resource, obj: Object) -> Object:
    """An object in a list: those of the built-in kinds do not repeat what they are."""
    return obj if resource.custom else {key: value for key, value in obj.items() if key not in ("apiVersion", "kind")}


def _warned(response: Response, warnings: list[str]) -> Response:
    """The response with a Warning header for each of the warnings."""
    # Bytes: kube-apiserver sends UTF-8, where starlette knows Latin-1 alone.
    response.raw_headers.extend((b"warning", header) for header in warning_headers(warnings))
    return response


def build(served: Cluster, token: str) -> ASGIApp:
    """The ASGI application of a cluster's API server."""
    api = Api(served, token)

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        response = await api(Request(scope, receive))
        await response(scope, receive, send)

    return app


def utc_now() -> datetime:
    """The clock of the server."""
    return datetime.now(UTC)
