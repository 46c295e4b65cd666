"""Rejects requests that another web page could send to the Dagster UI through an operator's browser. No user accounts.

Dagster's server accepts changes from anyone who reaches its port, even by GET and under any Host. A browser reaches it
from every page that an operator has open, so each request must prove that it comes from a page of this server:

- Host is a name of this server. Otherwise a foreign name that resolves to 127.0.0.1 (DNS rebinding) would give a
  foreign page the same origin.
- Origin, which browsers add to every POST and WebSocket handshake, is the same host.
- POST has a JSON body. For a foreign page, a browser sends JSON only after asking the server, which never agrees.
- GET has no GraphQL: images, links and forms send it without an Origin, and Dagster runs changes that it states.
"""

import re
from collections.abc import Iterable
from http import HTTPStatus

from starlette.datastructures import Headers, MutableHeaders, QueryParams
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from dagster_project.defs.automation import LOGIN_HEADER
from dagster_project.words import printable

_LOOPBACK = ("127.0.0.1", "localhost", "[::1]")
_DEFAULT_PORTS = {"http": ":80", "https": ":443"}
_HOST = re.compile(r"(\[[0-9a-f:.]+\]|[^:\[\]]+)(:[0-9]+)?")
_ORIGIN = re.compile(r"(https?)://([^/?#@\s]+)")

# With the policy `no-referrer`, browsers send `Origin: null` with a page's own forms. The UI shows notebooks in a frame
# of its own origin.
_HEADERS = {
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "SAMEORIGIN",
}
# A text that comes from an extract would otherwise, as a picture of a page, tell its sender who reads it and when.
_POLICY = "frame-ancestors 'self'; img-src 'self' data: blob:"

Refusal = tuple[HTTPStatus, str]


def names_of_server(port: int | None, extra: Iterable[str] = ()) -> frozenset[str]:
    """Return the values of the Host header that name the server.

    Args:
        port: its port of loopback; None: it has none, and only a proxy reaches it.
        extra: names under which a proxy forwards requests, in lower case; one without a port allows every port.
    """
    own = [f"{name}:{port}" for name in _LOOPBACK] if port else []
    # Browsers leave out the ports 80 and 443.
    return frozenset(re.sub(r":(80|443)\Z", "", name) for name in [*own, *extra])


class Guard:
    """An ASGI application in front of another one: forwards allowed requests, and adds security headers."""

    def __init__(self, app: ASGIApp, names: frozenset[str], *, is_behind_proxy: bool = False) -> None:
        """Wrap an application; a login that a request states is passed on only from a proxy, which alone reaches it."""
        self._app = app
        self._names = names
        self._is_behind_proxy = is_behind_proxy

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, a WebSocket handshake, or the server's start and stop."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"].endswith("http.response.start"):
                headers = MutableHeaders(scope=message)
                headers.update(_HEADERS)
                # In addition to the policy of Dagster's page: a browser applies both.
                headers.append("Content-Security-Policy", _POLICY)
            await send(message)

        refusal = refusal_of(scope, self._names)
        if not self._is_behind_proxy:
            del MutableHeaders(scope=scope)[LOGIN_HEADER]
        if refusal:
            status, reason = refusal
            await PlainTextResponse(f"{reason}\n", status)(scope, receive, send_with_headers)
        else:
            await self._app(scope, receive, send_with_headers)


def refusal_of(scope: Scope, names: frozenset[str]) -> Refusal | None:
    """Return the reason for which a request is rejected, if it is.

    Args:
        scope: ASGI scope of an HTTP request or a WebSocket handshake.
        names: the result of `names_of_server`.

    Returns:
        Status and reason; None if the request is allowed.
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
            f"Host {printable(hosts[0])} is not a name of this server. Open it as 127.0.0.1 with its port; if a proxy "
            "forwards this name, add it to FCIR_UI_HOSTS and start fcir ui again."
        )
    for origin in origins:
        match_of_origin = _ORIGIN.fullmatch(origin.lower())
        default = _DEFAULT_PORTS[match_of_origin[1]] if match_of_origin else ""
        if not match_of_origin or match_of_origin[2].removesuffix(default) != host.removesuffix(default):
            return HTTPStatus.FORBIDDEN, (
                f"Origin {printable(origin)} is not Host {host}: the request comes from a page of another server. "
                "Behind a proxy, have it pass on the Host that the browser sent."
            )
    return None


def _refused_method(scope: Scope, headers: Headers) -> Refusal | None:
    if scope["method"] == "POST":
        types = [value.partition(";")[0].strip().lower() for value in headers.getlist("content-type")]
        # Not only below /graphql: the endpoint that reports asset events accepts a POST without a body.
        if types != ["application/json"]:
            return HTTPStatus.UNSUPPORTED_MEDIA_TYPE, (
                f"Content-Type {printable(', '.join(types)) or 'is missing'}; expected application/json."
            )
    elif scope["method"] not in ("GET", "HEAD"):
        return HTTPStatus.METHOD_NOT_ALLOWED, f"Method {printable(scope['method'])}; expected GET, HEAD or POST."
    # Not `== "/graphql"`: Starlette's routes also match with a trailing line feed.
    elif scope["path"].startswith("/graphql") and "query" in QueryParams(scope["query_string"]):
        return HTTPStatus.METHOD_NOT_ALLOWED, "GraphQL by GET; send it by POST."
    return None
