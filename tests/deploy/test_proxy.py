"""The proxy example, run by nginx, refuses what `fcir ui` refuses and passes on the rest as the browser sent it."""

import base64
import itertools
import socket
import ssl
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.client import HTTPResponse

import pytest
import uvicorn

from dagster_project.web.guard import Guard, names_of_server
from tests.deploy.nginx import OPERATORS, PASSWORD, READERS, VIEWERS, free_port, nginx

JSON = "Content-Type: application/json"
USERS = {OPERATORS: "operator", VIEWERS: "viewer", READERS: "viewer"}
SOCKET = ("Upgrade: websocket", "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==")


def login(host: str, password: str = PASSWORD) -> str:
    """The header of a login that a name asks for."""
    return f"Authorization: Basic {base64.b64encode(f'{USERS[host]}:{password}'.encode()).decode()}"


class Ui:
    """Stands for `fcir ui`, Dagster behind its guard; keeps what reaches its port, also what the guard refuses."""

    def __init__(self, names: frozenset[str]) -> None:
        self.requests: list[str] = []
        self.logins: list[str] = []
        self._guard = Guard(self._answer, names)

    async def __call__(self, scope, receive, send) -> None:
        headers = {name: value.decode() for name, value in scope["headers"]}
        self.requests.append(f"{scope.get('method', 'WS')} {scope['path']} {headers[b'host']}")
        self.logins.append(headers.get(b"x-forwarded-user", ""))
        assert b"authorization" not in headers
        await self._guard(scope, receive, send)

    async def _answer(self, scope, receive, send) -> None:
        if scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.accept"})
            await send({"type": "websocket.close"})
        else:
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": b"the UI"})


@dataclass
class Proxy:
    """nginx with the example, a folder of its own, and two UIs behind it."""

    port: int
    uis: dict[str, Ui] = field(default_factory=dict)
    addresses: Iterator[int] = field(default_factory=lambda: itertools.cycle(range(256)))

    def ask(self, line: str, *headers: str, host: str, sni: str = "", address: str = "") -> HTTPResponse:
        """The answer to a request with these headers and Host; limits are by address, so each has another."""
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        source = (address or f"127.1.{next(self.addresses)}.1", 0)
        with (
            socket.create_connection(("127.0.0.1", self.port), timeout=60, source_address=source) as plain,
            context.wrap_socket(plain, server_hostname=sni or host) as connection,
        ):
            close = [] if "Upgrade: websocket" in headers else ["Connection: close"]
            head = [f"{line} HTTP/1.1", f"Host: {host}:{self.port}", *headers, *close]
            connection.sendall("\r\n".join([*head, "", ""]).encode())
            answer = HTTPResponse(connection)
            answer.begin()
            return answer


@pytest.fixture(scope="module")
def proxy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxy]:
    proxy = Proxy(free_port())
    places, servers = {}, []
    folder = tmp_path_factory.mktemp("nginx")
    for name in (OPERATORS, VIEWERS):
        # It listens from here on, so that the test need not wait.
        places[name] = folder / f"{name}.sock"
        listening = socket.socket(socket.AF_UNIX)
        listening.bind(str(places[name]))
        listening.listen()
        proxy.uis[name] = Ui(names_of_server(None, [name]))
        server = uvicorn.Server(uvicorn.Config(proxy.uis[name], log_level="warning", lifespan="off"))
        threading.Thread(target=server.run, args=([listening],), daemon=True).start()
        servers.append(server)
    (folder / "published" / "current").mkdir(parents=True)
    (folder / "published" / "current" / "index.html").write_text("<title>The site</title>", encoding="utf-8")
    (folder / "published" / "secret").write_text("of an earlier publication", encoding="utf-8")
    users = {"fcir-viewers": USERS[VIEWERS], "fcir-operators": USERS[OPERATORS]}
    with nginx(folder, port=proxy.port, operators=places[OPERATORS], viewers=places[VIEWERS], users=users):
        yield proxy
    for server in servers:
        server.should_exit = True


@pytest.fixture(params=[OPERATORS, VIEWERS])
def ui(request: pytest.FixtureRequest) -> str:
    """The name of each UI: the example repeats its rules for both."""
    return request.param


def test_a_login_gets_the_ui_under_its_name_and_may_change_something(proxy: Proxy, ui: str):
    proxy.ask("GET /runs", login(ui), host=ui)
    stated = proxy.ask("GET /runs", login(ui), "X-Forwarded-User: another", host=ui)
    assert (stated.status, proxy.uis[ui].logins[-2:]) == (200, [USERS[ui]] * 2)
    answer = proxy.ask("GET /assets/a%20b%3Fc%25d%23e?view=a%2Fb", login(ui), host=ui)
    assert (answer.status, proxy.uis[ui].requests[-1]) == (200, f"GET /assets/a b?c%d#e {ui}:{proxy.port}")
    assert answer.getheader("X-Content-Type-Options") == "nosniff", "of fcir ui, once"
    assert answer.getheader("Content-Security-Policy") == "frame-ancestors 'self'; img-src 'self' data: blob:"
    origin, json = f"Origin: https://{ui}:{proxy.port}", "Content-Type: Application/JSON; charset=utf-8"
    assert proxy.ask("POST /graphql", login(ui), json, origin.upper(), host=ui).status == 200
    assert proxy.ask("GET /graphql", login(ui), *SOCKET, origin, host=ui).status == 101
    # The path by which the proxy has judged is the one that the UI gets.
    for path in ("/runs/../graphql", "/_next/../graphql", "//graphql", "/_next/..%2fgraphql"):
        assert proxy.ask(f"POST {path}", login(ui), JSON, origin, host=ui).status == 200
        assert proxy.uis[ui].requests[-1] == f"POST /graphql {ui}:{proxy.port}"


@pytest.mark.parametrize("host", [OPERATORS, VIEWERS, READERS])
def test_nothing_is_shown_without_a_login_of_the_name(proxy: Proxy, host: str):
    paths = ["/published/index.html", "/graphql", "/runs", "/_next/../graphql", "/_next/..%2fgraphql"]
    other = login(VIEWERS if host == OPERATORS else OPERATORS)
    for path in paths:
        assert {proxy.ask(f"GET {path}", *headers, host=host).status for headers in ((), (other,))} == {401}, path


@pytest.mark.parametrize(
    ("line", "headers", "status"),
    [
        pytest.param("POST /graphql", [JSON, "Origin: https://evil.example"], 403, id="another site"),
        pytest.param("POST /graphql", [JSON, "Origin: https://{host}:{port}.evil.example"], 403, id="a longer name"),
        pytest.param("GET /graphql", [*SOCKET, "Origin: https://evil.example"], 403, id="a WebSocket"),
        pytest.param("GET /runs", ["Origin: https://evil.example"], 403, id="a page"),
        pytest.param("GET /graphql?query=mutation%7Ba%7D", [], 405, id="a mutation in an address"),
        pytest.param("GET /%67raphql%0A%0Aa%0D%0A?%71uery=mutation%7Ba%7D", [], 405, id="encoded line feeds"),
        pytest.param("GET /graphql%0D%E2%80%A8/?query=mutation%7Ba%7D", [], 405, id="line separators"),
        pytest.param("PUT /graphql", [JSON], 405, id="another method"),
        pytest.param("POST /report_asset_materialization/raw/crimes", [], 415, id="without a type"),
        pytest.param("POST /graphql", ["Content-Type: application/jsonx"], 415, id="a longer type"),
    ],
)
def test_what_a_foreign_page_can_send_stops_at_the_proxy(proxy: Proxy, ui: str, line: str, headers: list[str], status):
    before = list(proxy.uis[ui].requests)
    sent = [header.format(host=ui, port=proxy.port) for header in headers]
    assert proxy.ask(line, login(ui), *sent, host=ui).status == status
    assert proxy.uis[ui].requests == before


def test_another_name_gets_no_page(proxy: Proxy):
    with pytest.raises(ssl.SSLError):
        proxy.ask("GET /", login(OPERATORS), host="evil.example")
    assert proxy.ask("GET /", login(OPERATORS), host="evil.example", sni=OPERATORS).status == 421


def test_readers_get_the_publication_with_headers_and_nothing_beside_it(proxy: Proxy):
    answer = proxy.ask("GET /published/index.html", login(READERS), host=READERS)
    assert (answer.status, answer.getheader("Content-Security-Policy")) == (200, "frame-ancestors 'self'")
    of_site = {"X-Frame-Options", "Referrer-Policy", "Cross-Origin-Resource-Policy", "Strict-Transport-Security"}
    assert of_site | {"X-Content-Type-Options"} <= {name for name, _ in answer.getheaders()}
    for path in ("/published/../secret", "/published../secret", "/published/current/index.html"):
        assert proxy.ask(f"GET {path}", login(READERS), host=READERS).status == 404


@pytest.mark.parametrize(
    "path", ["/_next/x", "/graphql/../_next/x", "/runs/a/%2e%2e/%2E%2E/_next/x", "/runs/a/..%2f..%2f_next%2fx"]
)
def test_without_a_login_the_program_of_the_ui_is_read_and_nothing_else_reached(proxy: Proxy, ui: str, path: str):
    reached = proxy.uis[ui].requests
    before = list(reached)
    assert {proxy.ask(f"{method} {path}", JSON, host=ui).status for method in ("POST", "PUT", "DELETE")} <= {403, 405}
    assert reached == before
    assert proxy.ask(f"GET {path}", host=ui).status == 200
    assert reached == [*before, f"GET /_next/x {ui}:{proxy.port}"]


@pytest.mark.parametrize("host", [OPERATORS, VIEWERS, READERS])
def test_who_guesses_passwords_is_refused_in_the_end(proxy: Proxy, host: str):
    address = f"127.2.0.{len(host)}"
    tries = (proxy.ask("GET /runs", login(host, "guess"), host=host, address=address).status for _ in range(1000))
    assert set(itertools.takewhile(lambda status: status != 429, tries)) <= {401}
    assert 429 in tries
    assert proxy.ask("GET /runs", login(host), host=host).status != 429, "others are let in"
