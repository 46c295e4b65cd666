"""The proxy example, run by nginx, refuses what `fcir ui` refuses and passes on the rest as the browser sent it."""

import base64
import itertools
import re
import socket
import ssl
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPResponse

import pytest
import uvicorn

from dagster_project.web.guard import Guard, names_of_server
from tests.deploy.nginx import EXAMPLE, OPERATORS, READERS, VIEWERS, free_port, nginx

# Each request comes from another address; other systems have only 127.0.0.1.
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the addresses of 127.0.0.0/8 are those of Linux")

JSON = "Content-Type: application/json"
LOGIN = "Authorization: Basic " + base64.b64encode(b"user:secret").decode()
SOCKET = ("Upgrade: websocket", "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==")


class Ui:
    """Stands for `fcir ui`, Dagster behind its guard; keeps what reaches its port, also what the guard refuses."""

    def __init__(self, names: frozenset[str]) -> None:
        self.requests: list[str] = []
        self._guard = Guard(self._answer, names)

    async def __call__(self, scope, receive, send) -> None:
        headers = {name: value.decode() for name, value in scope["headers"]}
        self.requests.append(f"{scope.get('method', 'WS')} {scope['path']} {headers[b'host']}")
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

    def ask(
        self, line: str, *headers: str, host: str, sni: str | None = None, address: str | None = None
    ) -> HTTPResponse:
        """The answer to a request whose headers are exactly these and Host, from an address of its own or the named."""
        with self._connection(sni or host, address or f"127.1.{next(self.addresses)}.1") as connection:
            close = [] if "Upgrade: websocket" in headers else ["Connection: close"]
            head = [f"{line} HTTP/1.1", f"Host: {host}:{self.port}", *headers, *close]
            connection.sendall("\r\n".join([*head, "", ""]).encode())
            answer = HTTPResponse(connection)
            answer.begin()
            return answer

    def statuses(self, line: str, count: int, *headers: str, host: str, address: str) -> list[int]:
        """The answers to a request that is sent many times through one connection."""
        head = "\r\n".join([f"{line} HTTP/1.1", f"Host: {host}:{self.port}", *headers, ""])
        with self._connection(host, address) as connection:
            connection.sendall((f"{head}\r\n" * (count - 1) + f"{head}Connection: close\r\n\r\n").encode())
            answers = b"".join(iter(lambda: connection.recv(65536), b""))
        return [int(status) for status in re.findall(rb"HTTP/1\.1 (\d{3}) ", answers)]

    @contextmanager
    def _connection(self, name: str, address: str) -> Iterator[ssl.SSLSocket]:
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        with (
            socket.create_connection(("127.0.0.1", self.port), timeout=60, source_address=(address, 0)) as plain,
            context.wrap_socket(plain, server_hostname=name) as connection,
        ):
            yield connection

    def status(self, line: str, *headers: str, host: str = OPERATORS) -> int:
        return self.ask(line, LOGIN, *headers, host=host).status


@pytest.fixture(scope="module")
def proxy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxy]:
    proxy = Proxy(free_port())
    servers = []
    ports = {}
    for name in (OPERATORS, VIEWERS):
        # It listens from here on, so that the test need not wait.
        listening = socket.create_server(("127.0.0.1", 0))
        ports[name] = listening.getsockname()[1]
        proxy.uis[name] = Ui(names_of_server(ports[name], [name]))
        server = uvicorn.Server(uvicorn.Config(proxy.uis[name], log_level="warning", lifespan="off"))
        thread = threading.Thread(target=server.run, args=([listening],), daemon=True)
        thread.start()
        servers.append((server, thread))
    folder = tmp_path_factory.mktemp("nginx")
    (folder / "published" / "current").mkdir(parents=True)
    (folder / "published" / "current" / "index.html").write_text("<title>The site</title>", encoding="utf-8")
    (folder / "published" / "secret").write_text("of an earlier publication", encoding="utf-8")
    users = {"fcir-viewers": "user", "fcir-operators": "user"}
    with nginx(folder, port=proxy.port, operators=ports[OPERATORS], viewers=ports[VIEWERS], users=users):
        yield proxy
    for server, thread in servers:
        server.should_exit = True
        thread.join()


@pytest.fixture
def origin(proxy: Proxy) -> str:
    return f"Origin: https://{OPERATORS}:{proxy.port}"


@pytest.mark.parametrize("ui", [OPERATORS, VIEWERS])
def test_a_login_gets_the_ui_under_its_name(proxy: Proxy, ui: str):
    answer = proxy.ask("GET /runs", LOGIN, host=ui)
    assert answer.status == 200
    assert proxy.uis[ui].requests[-1] == f"GET /runs {ui}:{proxy.port}"
    assert answer.getheader("Strict-Transport-Security")
    assert answer.getheader("X-Content-Type-Options") == "nosniff", "of fcir ui, once"
    assert answer.getheader("Content-Security-Policy") == "frame-ancestors 'self'; img-src 'self' data: blob:"


@pytest.mark.parametrize("path", ["/published/index.html", "/graphql", "/runs"])
@pytest.mark.parametrize("host", [OPERATORS, VIEWERS, READERS])
def test_nothing_is_shown_without_a_login(proxy: Proxy, host: str, path: str):
    assert proxy.ask(f"GET {path}", host=host).status == 401


def test_a_page_of_the_ui_may_change_something(proxy: Proxy, origin: str):
    assert proxy.status("POST /graphql", JSON, origin) == 200
    assert proxy.status("POST /graphql", "Content-Type: Application/JSON; charset=utf-8", origin.upper()) == 200
    assert proxy.status("GET /graphql", *SOCKET, origin) == 101


@pytest.mark.parametrize(
    ("line", "headers", "status"),
    [
        ("POST /graphql", [JSON, "Origin: https://evil.example"], 403),
        ("POST /graphql", [JSON, "Origin: null"], 403),
        ("POST /graphql", [JSON, f"Origin: http://{OPERATORS}"], 403),
        ("POST /graphql", [JSON, f"Origin: https://{OPERATORS}.evil.example"], 403),
        ("GET /graphql", [*SOCKET, "Origin: https://evil.example"], 403),
        ("GET /runs", ["Origin: https://evil.example"], 403),
        ("GET /graphql?query=mutation%7Ba%7D", [], 405),
        ("GET /%67raphql?%71uery=mutation%7Ba%7D", [], 405),
        ("GET //graphql?query=mutation%7Ba%7D", [], 405),
        ("GET /graphql%0A?query=mutation%7Ba%7D", [], 405),
        ("GET /graphql%0A%0Aa%0D%0A?query=mutation%7Ba%7D", [], 405),
        ("GET /graphql%0D%E2%80%A8/?query=mutation%7Ba%7D", [], 405),
        ("HEAD //graphql%0a?query=mutation%7Ba%7D", [], 405),
        ("HEAD /graphql?query=mutation%7Ba%7D", [], 405),
        ("PUT /graphql", [JSON], 405),
        ("DELETE /graphql", [], 405),
        ("OPTIONS /graphql", [], 405),
        ("POST /graphql", [], 415),
        ("POST /graphql", ["Content-Type: text/plain"], 415),
        ("POST /graphql", ["Content-Type: text/plain; application/json"], 415),
        ("POST /graphql", ["Content-Type: application/x-www-form-urlencoded"], 415),
        ("POST /report_asset_materialization/raw/crimes", [], 415),
    ],
)
@pytest.mark.parametrize("host", [OPERATORS, VIEWERS])
def test_what_a_foreign_page_can_send_stops_at_the_proxy(
    proxy: Proxy, host: str, line: str, headers: list[str], status: int
):
    before = list(proxy.uis[host].requests)
    assert proxy.status(line, *headers, host=host) == status
    assert proxy.uis[host].requests == before


def test_another_name_gets_no_page(proxy: Proxy):
    with pytest.raises(ssl.SSLError):
        proxy.ask("GET /", LOGIN, host="evil.example")
    assert proxy.ask("GET /", LOGIN, host="evil.example", sni=OPERATORS).status == 421


def test_readers_get_the_publication_with_headers_and_nothing_beside_it(proxy: Proxy):
    answer = proxy.ask("GET /published/index.html", LOGIN, host=READERS)
    assert answer.status == 200
    assert "max-age" in (answer.getheader("Strict-Transport-Security") or "")
    assert answer.getheader("X-Content-Type-Options") == "nosniff"
    assert answer.getheader("Content-Security-Policy") == "frame-ancestors 'self'"
    assert answer.getheader("Referrer-Policy") == "same-origin"
    assert answer.getheader("Cache-Control") == "no-cache"
    assert proxy.status("GET /published/../secret", host=READERS) == 404
    assert proxy.status("GET /published../secret", host=READERS) == 404


def test_the_program_of_the_ui_needs_no_login_and_leads_nowhere_else(proxy: Proxy):
    assert proxy.ask("GET /_next/static/a.js", host=OPERATORS).status == 200
    for path in ("/_next/../graphql", "/_next/%2e%2e/graphql", "/_next/..%2fgraphql"):
        assert proxy.ask(f"GET {path}", host=OPERATORS).status == 401


@pytest.mark.parametrize("file", ["_next/x", "%5fnext/x", "_next%2fx"])
@pytest.mark.parametrize(
    "path",
    [
        "/report_asset_materialization/a/../../{}",
        "/report_asset_materialization/a/%2e%2e/%2E%2E/{}",
        "/report_asset_materialization/a/..%2f..%2f{}",
        "/report_asset_materialization//a//..//..//{}",
        "/report_asset_observation/a%2f../../{}",
        "/logs/a/../../{}",
        "/graphql/../{}",
        "/graphql/%2e%2e/{}",
        "/graphql/./../{}",
        "//graphql//..//{}",
        "/runs/../graphql/..%2F{}",
    ],
)
@pytest.mark.parametrize("host", [OPERATORS, VIEWERS])
def test_what_needs_a_login_is_not_reached_by_a_path_that_ends_at_the_program(
    proxy: Proxy, host: str, path: str, file: str
):
    reached = proxy.uis[host].requests
    before = list(reached)
    assert proxy.ask(f"POST {path.format(file)}", JSON, host=host).status == 403
    assert reached == before
    assert proxy.ask(f"GET {path.format(file)}", host=host).status == 200
    assert reached == [*before, f"GET /_next/x {host}:{proxy.port}"]


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS"])
@pytest.mark.parametrize("host", [OPERATORS, VIEWERS])
def test_the_program_of_the_ui_can_only_be_read(proxy: Proxy, host: str, method: str):
    before = list(proxy.uis[host].requests)
    assert proxy.ask(f"{method} /_next/static/a.js", JSON, host=host).status in (403, 405)
    assert proxy.uis[host].requests == before


@pytest.mark.parametrize("path", ["/runs/../graphql", "/_next/../graphql", "//graphql", "/_next/..%2fgraphql"])
def test_the_ui_gets_the_path_that_the_proxy_has_judged(proxy: Proxy, origin: str, path: str):
    assert proxy.status(f"POST {path}", JSON, origin) == 200
    assert proxy.uis[OPERATORS].requests[-1] == f"POST /graphql {OPERATORS}:{proxy.port}"


def test_characters_of_a_name_reach_the_ui_encoded_as_they_were(proxy: Proxy):
    assert proxy.status("GET /assets/a%20b%3Fc%25d%23e?view=a%2Fb") == 200
    assert proxy.uis[OPERATORS].requests[-1] == f"GET /assets/a b?c%d#e {OPERATORS}:{proxy.port}"


def test_no_pattern_ends_at_a_line_feed_of_an_address():
    patterns = re.findall(r'^ +"?~\*?([^"\n]+)"? +\S+;$', EXAMPLE.read_text(encoding="utf-8"), re.M)
    assert len(patterns) == 7
    assert [pattern for pattern in patterns if re.search(r"(?<!\\)\.", pattern)] == []


def test_each_location_forwards_a_path_and_has_a_limit():
    site = EXAMPLE.read_text(encoding="utf-8")
    forwarding = [block for block in re.findall(r"location [^{]+\{.*?\n    \}", site, re.S) if "proxy_pass" in block]
    assert len(forwarding) == 4
    for block in forwarding:
        assert re.search(r"proxy_pass +http://[^/;]+/", block), block
        assert re.search(r"limit_req +zone=", block), block


def test_a_viewer_opens_four_pages_at_once_and_a_flood_is_refused(proxy: Proxy):
    assert set(proxy.statuses("GET /_next/x", 4 * 70, host=VIEWERS, address="127.3.0.1")) == {200}
    # Requests that nginx refuses without asking the UI, so that they are faster than the limit.
    flood = proxy.statuses("POST /_next/x", 900, JSON, host=VIEWERS, address="127.3.0.1")
    assert set(flood) == {403, 429}
    assert flood[-1] == 429


def test_every_location_with_a_login_limits_them():
    site = EXAMPLE.read_text(encoding="utf-8")
    assert len(re.findall(r"^ +auth_basic_user_file ", site, re.M)) == 3
    assert len(re.findall(r"^ +auth_basic_user_file [^\n]+\n +limit_req +zone=fcir_logins ", site, re.M)) == 3


@pytest.mark.parametrize("host", [OPERATORS, VIEWERS, READERS])
def test_who_guesses_passwords_is_refused_in_the_end(proxy: Proxy, host: str):
    wrong = "Authorization: Basic " + base64.b64encode(b"user:guess").decode()
    tries = (proxy.ask("GET /runs", wrong, host=host, address="127.2.0.1").status for _ in range(1000))
    assert set(itertools.takewhile(lambda status: status != 429, tries)) <= {401}
    assert proxy.ask("GET /runs", LOGIN, host=host, address="127.2.0.2").status != 429, "others are let in"
    assert 429 in tries
