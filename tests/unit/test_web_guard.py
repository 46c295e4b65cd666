"""Requests that the guard of the Dagster UI allows and refuses."""

import asyncio
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import quote

import pytest

from dagster_project.settings import SettingsError, read_settings
from dagster_project.web.guard import Guard, names_of_server

HOST = ("host", "127.0.0.1:3000")
JSON = ("content-type", "application/json")
MUTATION = 'mutation { deletePipelineRun(runId: "1") { __typename } }'

Headers = Sequence[tuple[str, str]]


class Dagster:
    """Stands for the guarded application; keeps which requests reach it."""

    def __init__(self) -> None:
        self.reached = False

    async def __call__(self, scope, _receive, send) -> None:
        self.reached = True
        await send(
            {"type": "http.response.start", "status": 200, "headers": [(b"referrer-policy", b"unsafe-url")]}
            if scope["type"] == "http"
            else {"type": "websocket.accept"}
        )


def answer(kind: str, headers: Headers, names: frozenset[str] = names_of_server(3000), **scope: object) -> list[dict]:
    """What is sent to the client; nothing has reached Dagster where that is a refusal."""
    sent: list[dict] = []
    dagster = Dagster()

    async def send(message: dict) -> None:
        sent.append(message)

    async def receive() -> dict:
        raise AssertionError("a request is judged by its head")

    scope = {
        "type": kind,
        "headers": [(name.encode(), value.encode("latin-1")) for name, value in headers],
        "path": "/graphql",
        "query_string": b"",
        **scope,
    }
    # In a thread of its own: the browser of the page tests leaves an event loop running in the main thread.
    with ThreadPoolExecutor(1) as thread:
        thread.submit(asyncio.run, Guard(dagster, names)(scope, receive, send)).result()
    assert dagster.reached == (sent[0].get("status", 200) == 200)
    return sent


def ask(method: str, *headers: tuple[str, str], query: str = "", path: str = "/graphql", **more: object) -> int:
    """Status of the answer to a request; Host is right unless it is among the headers."""
    own = [] if any(name == "host" for name, _ in headers) else [HOST]
    sent = answer("http", [*own, *headers], method=method, path=path, query_string=query.encode(), **more)
    return sent[0]["status"]


def handshake(*headers: tuple[str, str]) -> int:
    sent = answer("websocket", headers)
    return 101 if sent[0]["type"] == "websocket.accept" else sent[0]["status"]


@pytest.mark.parametrize("host", ["127.0.0.1:3000", "localhost:3000", "LocalHost:3000", "[::1]:3000"])
def test_the_loopback_names_with_the_port_are_the_server(host):
    assert ask("GET", ("host", host), path="/") == 200
    assert ask("GET", ("host", host), ("origin", f"http://{host}"), path="/") == 200
    assert handshake(("host", host), ("origin", f"http://{host}")) == 101


OTHER_HOSTS = [
    "evil.example",
    "evil.example:3000",
    "localhost",
    "localhost:3001",
    "localhost.:3000",
    "localhost.evil.example:3000",
    "evil-localhost:3000",
    "127.0.0.1:3000@evil.example",
    "127.0.0.1.nip.example:3000",
    "127.0.0.1:3000:3000",
    "127.1:3000",
    "0.0.0.0:3000",
    "::1:3000",
    "[::]:3000",
    "[::ffff:127.0.0.1]:3000",
    " 127.0.0.1:3000",
    "127.0.0.1:3000, evil.example",
    "127.0.0.1:3000\u00a0",
    "",
]


@pytest.mark.parametrize("host", OTHER_HOSTS)
@pytest.mark.parametrize("helper", [(), (("x-forwarded-host", "127.0.0.1:3000"), ("forwarded", "host=127.0.0.1:3000"))])
def test_every_other_host_is_refused(host, helper):
    assert ask("GET", ("host", host), *helper, path="/") == 421
    assert ask("POST", ("host", host), JSON, *helper) == 421
    assert handshake(("host", host), ("origin", "http://127.0.0.1:3000")) == 421


def test_a_request_has_one_host_and_one_origin():
    for hosts in ([], [HOST, HOST], [HOST, ("host", "evil.example")]):
        assert answer("http", hosts, method="GET", path="/")[0]["status"] == 400
    own = ("origin", "http://127.0.0.1:3000")
    assert ask("POST", JSON, own, own) == 400
    assert ask("POST", JSON, own, ("origin", "http://evil.example")) == 400


def test_a_request_without_an_origin_is_allowed():
    assert ask("POST", JSON) == 200
    assert handshake(HOST) == 101


FOREIGN_ORIGINS = [
    "null",
    "",
    "http://evil.example",
    "http://localhost:3000",
    "http://127.0.0.1",
    "http://127.0.0.1:3001",
    "http://127.0.0.1:30001",
    "http://127.0.0.1:3000.evil.example",
    "http://127.0.0.1:3000@evil.example",
    "http://user@127.0.0.1:3000",
    "http://127.0.0.1:3000/",
    "http://127.0.0.1:3000 http://evil.example",
    "//127.0.0.1:3000",
    "127.0.0.1:3000",
    "file://127.0.0.1:3000",
    "chrome-extension://127.0.0.1:3000",
]


@pytest.mark.parametrize("origin", FOREIGN_ORIGINS)
def test_a_foreign_origin_is_refused(origin):
    assert ask("POST", JSON, ("origin", origin)) == 403
    assert ask("GET", ("origin", origin), path="/") == 403
    assert ask("OPTIONS", ("origin", origin), ("access-control-request-method", "POST")) == 403
    assert handshake(HOST, ("origin", origin)) == 403


def test_a_proxy_may_use_other_names():
    names = names_of_server(3000, ["fcir.example", "ops.example:8443"])

    for host, origin, status in (
        ("fcir.example", "https://fcir.example", 200),
        ("fcir.example:443", "https://fcir.example", 200),
        ("FCIR.example", "https://fcir.EXAMPLE", 200),
        ("fcir.example:9443", "https://fcir.example:9443", 200),
        ("ops.example:8443", "https://ops.example:8443", 200),
        ("127.0.0.1:3000", "http://127.0.0.1:3000", 200),
        ("fcir.example", "https://fcir.example:9443", 403),
        ("fcir.example", "https://ops.example:8443", 403),
        ("ops.example", "https://ops.example", 421),
        ("fcir.example.", "https://fcir.example.", 421),
        ("a.fcir.example", "https://a.fcir.example", 421),
    ):
        assert ask("POST", JSON, ("host", host), ("origin", origin), names=names) == status, (host, origin)


def test_on_the_default_port_a_browser_names_no_port():
    assert ask("GET", ("host", "127.0.0.1"), path="/", names=names_of_server(80)) == 200


@pytest.mark.parametrize(
    "query",
    [
        "{ version }",
        "query A { version } query B { version }",
        "# mutation\nquery A { ...f } fragment f on Query { version }",
        '{ runsOrError(filter: {runIds: ["mutation { a }"]}) { __typename } }',
    ],
)
def test_a_query_may_be_asked_by_get(query):
    assert ask("GET", query=f"query={quote(query)}") == 200


@pytest.mark.parametrize(
    "query",
    [
        MUTATION,
        "mutation{a}",
        "mutation A{a}",
        "\ufeff mutation{a}",
        ",,,\n\t# a comment\r\n mutation{a}",
        "query A { version } mutation B { a }",
        "fragment f on Mutation { a } mutation { ...f }",
        "mutation($a: Int = 1) @skip(if: false) { a }",
        "subscription { a }",
        "type A { b: Int } { version }",
        f'[{{"query": "{MUTATION}"}}]',
        "mutation",
        "{",
        "",
        "{a" * 5000 + "}" * 5000,
    ],
)
def test_anything_but_queries_is_refused_by_get(query):
    for method in ("GET", "HEAD"):
        assert ask(method, query=f"query={quote(query)}") == 405
        assert ask(method, query=f"operationName=A&query={quote(query)}", path="/graphql\n") == 405
    assert ask("GET", ("accept", "text/html"), query=f"query={quote(query)}") == 405
    assert ask("GET", query="".join(f"%{byte:02x}" for byte in b"query") + f"={quote(query)}") == 405
    assert ask("GET", query=f"query=%7Bversion%7D&query={quote(query)}") == 405
    assert ask("GET", query=f"query={quote(query)}&query=%7Bversion%7D") == 405


def test_pages_may_have_other_queries():
    assert ask("GET", path="/runs", query="query=mutation%7Ba%7D") == 200
    assert ask("GET", ("accept", "text/html")) == 200


@pytest.mark.parametrize(
    "method", ["PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "CONNECT", "QUERY", "post", "POSTX", ""]
)
@pytest.mark.parametrize("path", ["/graphql", "/report_asset_materialization/raw/crimes", "/"])
def test_other_methods_are_refused(method, path):
    assert ask(method, JSON, path=path) == 405


@pytest.mark.parametrize("path", ["/graphql", "/report_asset_materialization/a", "/report_asset_check/a", "/any"])
def test_a_change_is_sent_as_json(path):
    for right in ("application/json", "Application/JSON; charset=utf-8", "application/json;charset=utf-8"):
        assert ask("POST", ("content-type", right), path=path) == 200
    for wrong in (
        *("text/plain", "text/plain; application/json", "text/plain;charset=application/json", "application/jsonp", ""),
        *("application/x-www-form-urlencoded", "multipart/form-data; boundary=application/json"),
        *("application/graphql", "application/json, text/plain"),
    ):
        assert ask("POST", ("content-type", wrong), path=path) == 415
    assert ask("POST", path=path) == 415
    assert ask("POST", JSON, ("content-type", "text/plain"), path=path) == 415


def test_every_answer_has_security_headers():
    for query in ("", "query=mutation%7Ba%7D"):
        sent = answer("http", [HOST], method="GET", query_string=query.encode())
        headers = dict(sent[0]["headers"])
        assert headers[b"x-content-type-options"] == b"nosniff"
        assert headers[b"x-frame-options"] == b"SAMEORIGIN"
        assert headers[b"content-security-policy"] == b"frame-ancestors 'self'; img-src 'self' data: blob:"
        assert [value for name, value in sent[0]["headers"] if name == b"referrer-policy"] == [b"same-origin"]


def test_a_refusal_says_what_to_do_and_repeats_nothing_unprintable():
    sent = answer("http", [("host", "evil\x1b[2J.example")], method="GET")
    body = sent[1]["body"].decode()
    assert "add it to FCIR_UI_HOSTS" in body
    assert r"evil\x1b[2J.example" in body


def hosts(monkeypatch: pytest.MonkeyPatch, value: str) -> tuple[str, ...]:
    monkeypatch.setenv("FCIR_UI_HOSTS", value)
    return read_settings().ui_hosts


def test_names_are_a_list_with_commas(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    assert hosts(monkeypatch, "") == ()
    expected = ("fcir.example", "ops.example:8443", "10.0.0.1", "[fd00::1]:3000")
    assert hosts(monkeypatch, " Fcir.Example, ops.example:8443,10.0.0.1,[fd00::1]:3000,") == expected


@pytest.mark.parametrize(
    "value", ["*", "*.example", "https://a.example", "a.example/ui", "a b", "a.example.", "a:0", "a:65536", "::1", "-a"]
)
def test_an_invalid_host_name_is_refused_at_the_start(monkeypatch, tmp_path, value):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SettingsError, match=r"FCIR_UI_HOSTS: .+ is not a host name"):
        hosts(monkeypatch, f"fcir.example,{value}")
