"""Requests that the guard of the Dagster UI allows and refuses."""

import asyncio
from collections.abc import Sequence
from urllib.parse import quote

import pytest

from dagster_project.settings import SettingsError, read_settings
from dagster_project.web.guard import Guard, names_of_server

HOST, JSON = ("host", "127.0.0.1:3000"), ("content-type", "application/json")
NAMES = names_of_server(3000)


def answer(kind: str, headers: Sequence[tuple[str, str]], names: frozenset[str] = NAMES, **scope: object) -> list[dict]:
    """What is sent to the client; nothing has reached Dagster where that is a refusal."""
    sent, reached = [], []

    async def dagster(scope, _receive, send) -> None:
        reached.append(scope["type"])
        start = {"type": "http.response.start", "status": 200, "headers": [(b"referrer-policy", b"unsafe-url")]}
        await send(start if scope["type"] == "http" else {"type": "websocket.accept"})

    async def send(message: dict) -> None:
        sent.append(message)

    async def receive() -> dict:
        raise AssertionError("a request is judged by its head")

    encoded = [(name.encode(), value.encode("latin-1")) for name, value in headers]
    scope = {"type": kind, "headers": encoded, "path": "/graphql", "query_string": b"", **scope}
    asyncio.run(Guard(dagster, names)(scope, receive, send))
    assert bool(reached) == (sent[0].get("status", 200) == 200)
    return sent


def ask(method: str, *headers: tuple[str, str], query: str = "", path: str = "/graphql", names=NAMES) -> int:
    """Status of the answer to a request; Host is right unless it is among the headers."""
    own = [] if any(name == "host" for name, _ in headers) else [HOST]
    scope = {"method": method, "path": path, "query_string": query.encode()}
    return answer("http", [*own, *headers], names, **scope)[0]["status"]


def statuses(*headers: tuple[str, str]) -> tuple[int, int, int]:
    """Of a page, of a request for data and of a WebSocket, where 101 lets it through."""
    shaken = answer("websocket", headers)[0]
    return ask("GET", *headers, path="/"), ask("POST", JSON, *headers), shaken.get("status", 101)


@pytest.mark.parametrize("host", ["127.0.0.1:3000", "localhost:3000", "LocalHost:3000", "[::1]:3000"])
def test_the_loopback_names_with_the_port_are_the_server_with_or_without_an_origin(host):
    assert statuses(("host", host)) == statuses(("host", host), ("origin", f"http://{host}")) == (200, 200, 101)


@pytest.mark.parametrize(
    "host",
    [
        *("evil.example:3000", "localhost", "localhost:3001", "localhost.:3000", "evil-localhost:3000", "::1:3000"),
        *("127.0.0.1:3000@evil.example", "[::ffff:127.0.0.1]:3000", " 127.0.0.1:3000", "127.0.0.1:3000, a", ""),
    ],
)
def test_every_other_host_is_refused_whatever_was_forwarded(host):
    forwarded = (("x-forwarded-host", "127.0.0.1:3000"), ("forwarded", "host=127.0.0.1:3000"))
    assert statuses(("host", host), *forwarded, ("origin", "http://127.0.0.1:3000")) == (421, 421, 421)


@pytest.mark.parametrize(
    "origin",
    [
        *("null", "", "http://localhost:3000", "http://127.0.0.1", "http://127.0.0.1:30001", "http://u@127.0.0.1:3000"),
        *("http://127.0.0.1:3000.evil.example", "http://127.0.0.1:3000/", "//127.0.0.1:3000", "file://127.0.0.1:3000"),
    ],
)
def test_a_foreign_origin_is_refused(origin):
    assert statuses(HOST, ("origin", origin)) == (403, 403, 403)


@pytest.mark.parametrize("headers", [[], [HOST, HOST], [HOST, *[("origin", "http://127.0.0.1:3000")] * 2]])
def test_a_request_has_one_host_and_at_most_one_origin(headers):
    assert answer("http", headers, method="GET")[0]["status"] == 400


@pytest.mark.parametrize(
    ("host", "origin", "status"),
    [
        ("fcir.example", "https://fcir.example", 200),
        ("fcir.example:443", "https://fcir.EXAMPLE", 200),
        ("ops.example:8443", "https://ops.example:8443", 200),
        # Browsers name no port 80.
        ("127.0.0.1", "http://127.0.0.1", 200),
        ("fcir.example", "https://fcir.example:9443", 403),
        ("fcir.example", "https://ops.example:8443", 403),
        ("ops.example", "https://ops.example", 421),
        ("a.fcir.example", "https://a.fcir.example", 421),
    ],
)
def test_a_proxy_may_use_other_names(host, origin, status):
    names = names_of_server(80, ["fcir.example", "ops.example:8443"])
    assert ask("POST", JSON, ("host", host), ("origin", origin), names=names) == status


@pytest.mark.parametrize("path", ["/graphql", "/report_asset_materialization/raw/crimes", "/"])
def test_only_get_head_and_post_of_json_are_answered(path):
    assert [ask(method, path=path) for method in ("GET", "HEAD")] == [200, 200]
    for method in ("PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "CONNECT", "QUERY", "post", ""):
        assert ask(method, JSON, path=path) == 405, method
    assert ask("POST", ("content-type", "Application/JSON; charset=utf-8"), path=path) == 200
    for wrong in ("text/plain", "text/plain; application/json", "application/jsonp", "", "application/json, a"):
        assert ask("POST", ("content-type", wrong), path=path) == 415, wrong
    assert ask("POST", path=path) == ask("POST", JSON, ("content-type", "text/plain"), path=path) == 415


@pytest.mark.parametrize("query", ["{ version }", "mutation{a}", "", "{"])
def test_graphql_is_refused_by_get_and_pages_may_have_parameters(query):
    asked = f"query={quote(query)}"
    encoded = "".join(f"%{byte:02x}" for byte in b"query") + f"={quote(query)}"
    for parameters in (asked, f"operationName=A&{asked}", encoded):
        assert ask("GET", query=parameters) == ask("HEAD", query=parameters, path="/graphql\n") == 405
    assert ask("GET", path="/runs", query=asked) == 200


def test_every_answer_has_security_headers_and_a_refusal_repeats_nothing_unprintable():
    for host in ("127.0.0.1:3000", "evil\x1b[2J.example"):
        start, *rest = answer("http", [("host", host)], method="GET")
        headers = [header for header in start["headers"] if header[0] not in (b"content-length", b"content-type")]
        assert sorted(headers) == [
            (b"content-security-policy", b"frame-ancestors 'self'; img-src 'self' data: blob:"),
            (b"cross-origin-opener-policy", b"same-origin"),
            (b"cross-origin-resource-policy", b"same-origin"),
            (b"referrer-policy", b"same-origin"),
            (b"x-content-type-options", b"nosniff"),
            (b"x-frame-options", b"SAMEORIGIN"),
        ]
    body = rest[0]["body"].decode()
    assert "add it to FCIR_UI_HOSTS" in body
    assert r"evil\x1b[2J.example" in body


def test_names_are_a_list_with_commas_and_an_invalid_one_is_refused_at_the_start(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FCIR_UI_HOSTS", " Fcir.Example, ops.example:8443,10.0.0.1,[fd00::1]:3000,")
    assert read_settings().ui_hosts == ("fcir.example", "ops.example:8443", "10.0.0.1", "[fd00::1]:3000")
    for name in ("*", "*.example", "https://a.example", "a/ui", "a b", "a.", "a:0", "a:65536", "::1", "-a"):
        monkeypatch.setenv("FCIR_UI_HOSTS", f"fcir.example,{name}")
        with pytest.raises(SettingsError, match=r"FCIR_UI_HOSTS: .+ is not a host name"):
            read_settings()


def test_a_login_is_believed_of_a_proxy_alone():
    seen: list[list[tuple[bytes, bytes]]] = []

    async def dagster(scope, _receive, _send) -> None:
        seen.append(scope["headers"])

    for is_behind_proxy in (True, False):
        headers = [(b"host", b"127.0.0.1:3000"), (b"x-forwarded-user", b"operator")]
        scope = {"type": "http", "method": "GET", "path": "/", "query_string": b"", "headers": headers}
        asyncio.run(Guard(dagster, NAMES, is_behind_proxy=is_behind_proxy)(scope, None, None))
    assert [(b"x-forwarded-user", b"operator") in headers for headers in seen] == [True, False]
    # Behind a socket, the server has no names of its own.
    assert names_of_server(None, ["fcir.example"]) == {"fcir.example"}
