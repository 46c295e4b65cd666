"""Refuses what another web page could send to the Dagster UI through an operator's browser. It knows no user.

Dagster's server takes a change from whoever reaches its port, by GET too and under any Host. A browser reaches it for
every page that an operator has open, so each request has to show that it comes from a page of this server:

- Host is a name of this server: else a foreign name that resolves to 127.0.0.1 (DNS rebinding) makes a foreign page
  one of the same origin.
- Origin, which browsers add to every POST and WebSocket handshake, is the same host.
- POST has a JSON body: a browser sends a foreign page's JSON only after asking the server, which never agrees.
- GET asks queries only: it is what an image, a link or a form sends without an Origin.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from http import HTTPStatus

from graphql import FragmentDefinitionNode, GraphQLError, OperationDefinitionNode, OperationType, parse
from starlette.datastructures import Headers, MutableHeaders, QueryParams
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from dagster_project.extracts.errors import printable

_LOOPBACK = ("127.0.0.1", "localhost", "[::1]")
_DEFAULT_PORTS = {"http": ":80", "https": ":443"}
_HOST = re.compile(r"(\[[0-9a-f:.]+\]|[^:\[\]]+)(:[0-9]+)?")
_ORIGIN = re.compile(r"(https?)://([^/?#@\s]+)")

# With the policy `no-referrer`, browsers send `Origin: null` with a page's own forms. The UI shows notebooks in a frame
# of its own.
_HEADERS = {
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "SAMEORIGIN",
}
_FRAMES = "frame-ancestors 'self'"

Refusal = tuple[HTTPStatus, str]


def names_of_server(port: int, extra: Iterable[str] = ()) -> frozenset[str]:
    """The values of the header Host that name the server.

    Args:
        port: its port on loopback.
        extra: names under which a proxy passes requests on, in lower case; one without a port stands for every port.
    """
    # Browsers leave out the ports 80 and 443.
    return frozenset(re.sub(r":(80|443)\Z", "", name) for name in [*(f"{name}:{port}" for name in _LOOPBACK), *extra])


class Guard:
    """An ASGI application in front of another one: passes on what may be answered, with security headers."""

    def __init__(self, app: ASGIApp, names: frozenset[str]) -> None:
        """Guard an application.

        Args:
            app: Dagster's.
            names: as `names_of_server` gives them.
        """
        self._app = app
        self._names = names

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, a WebSocket handshake, or the server's start and stop."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"].endswith("http.response.start"):
                headers = MutableHeaders(scope=message)
                headers.update(_HEADERS)
                # Beside the policy that Dagster's page has: a browser applies both.
                headers.append("Content-Security-Policy", _FRAMES)
            await send(message)

        refusal = refusal_of(scope, self._names)
        if refusal:
            status, reason = refusal
            await PlainTextResponse(f"{reason}\n", status)(scope, receive, send_with_headers)
        else:
            await self._app(scope, receive, send_with_headers)


def refusal_of(scope: Scope, names: frozenset[str]) -> Refusal | None:
    """Why a request is not answered.

    Args:
        scope: of an HTTP request or a WebSocket handshake, as ASGI has it.
        names: as `names_of_server` gives them.

    Returns:
        Status and reason; None when the request may be answered.
    """
    headers = Headers(scope=scope)
    return _refused_host(headers, names) or (_refused_method(scope, headers) if scope["type"] == "http" else None)


def _refused_host(headers: Headers, names: frozenset[str]) -> Refusal | None:
    hosts, origins = headers.getlist("host"), headers.getlist("origin")
    if len(hosts) != 1 or len(origins) > 1:
        return HTTPStatus.BAD_REQUEST, f"Expected one Host and at most one Origin, got {len(hosts)} and {len(origins)}."
    host = hosts[0].lower()
    match = _HOST.fullmatch(host)
    if not match or not names & {host, match[1]}:
        return HTTPStatus.MISDIRECTED_REQUEST, (
            f"Host {printable(hosts[0])} is no name of this server. Open it as 127.0.0.1 with its port; where a proxy "
            "passes this name on, add it to FCIR_UI_HOSTS and start fcir ui again."
        )
    for origin in origins:
        asked = _ORIGIN.fullmatch(origin.lower())
        default = _DEFAULT_PORTS[asked[1]] if asked else ""
        if not asked or asked[2].removesuffix(default) != host.removesuffix(default):
            return HTTPStatus.FORBIDDEN, (
                f"Origin {printable(origin)} is not Host {host}: the request comes from a page of another server. "
                "Behind a proxy, have it pass on the Host that the browser sent."
            )
    return None


def _refused_method(scope: Scope, headers: Headers) -> Refusal | None:
    if scope["method"] == "POST":
        types = [value.partition(";")[0].strip().lower() for value in headers.getlist("content-type")]
        # Not only below /graphql: what reports an asset's events takes a POST without any body.
        if types != ["application/json"]:
            return HTTPStatus.UNSUPPORTED_MEDIA_TYPE, (
                f"Content-Type {printable(', '.join(types)) or 'is missing'}; expected application/json."
            )
    elif scope["method"] not in ("GET", "HEAD"):
        return HTTPStatus.METHOD_NOT_ALLOWED, f"Method {printable(scope['method'])}; expected GET, HEAD or POST."
    # Not `== "/graphql"`: Starlette's routes also match with a line feed at the end.
    elif scope["path"].startswith("/graphql"):
        documents = QueryParams(scope["query_string"]).getlist("query")
        if not all(_asks_only(document) for document in documents):
            return HTTPStatus.METHOD_NOT_ALLOWED, "Not a GraphQL query alone; send changes by POST."
    return None


def _asks_only(document: str) -> bool:
    """Whether a GraphQL document has no operation but queries; what cannot be parsed has not."""
    try:
        definitions = parse(document, no_location=True).definitions
    except (GraphQLError, RecursionError):
        return False
    return all(
        isinstance(definition, FragmentDefinitionNode)
        or (isinstance(definition, OperationDefinitionNode) and definition.operation is OperationType.QUERY)
        for definition in definitions
    )
