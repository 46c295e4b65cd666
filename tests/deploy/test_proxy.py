"""The proxy example, run by nginx, refuses what `fcir ui` refuses and passes on the rest as the browser sent it."""

import base64
import itertools
import re
import socket
import ssl
import sys
import threading
from collections.abc import Iterator
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
    """Stands for Dagster behind its guard; keeps what reaches it."""

    def __init__(self) -> None:
        self.requests: list[str] = []

    async def __call__(self, scope, receive, send) -> None:
        if scope["type"] == "lifespan":
            return
        headers = {name: value.decode() for name, value in scope["headers"]}
        self.requests.append(f"{scope.get('method', 'WS')} {scope['path']} {headers[b'host']}")
        assert b"authorization" not in headers
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
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        source = address or f"127.1.{next(self.addresses)}.1"
        with (
            socket.create_connection(("127.0.0.1", self.port), timeout=60, source_address=(source, 0)) as plain,
            context.wrap_socket(plain, server_hostname=sni or host) as connection,
        ):
            close = [] if "Upgrade: websocket" in headers else ["Connection: close"]
            head = [f"{line} HTTP/1.1", f"Host: {host}:{self.port}", *headers, *close]
            connection.sendall("\r\n".join([*head, "", ""]).encode())
            answer = HTTPResponse(connection)
            answer.begin()
            return answer

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
        proxy.uis[name] = Ui()
        guard = Guard(proxy.uis[name], names_of_server(ports[name], [name]))
        server = uvicorn.Server(uvicorn.Config(guard, log_level="warning", lifespan="off"))
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
    assert answer.getheader("Content-Security-Policy") == "frame-ancestors 'self'"


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
