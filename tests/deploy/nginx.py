"""nginx with the example of `deploy/`, on free ports and with a certificate of its own. No tests here."""

from __future__ import annotations

import os
import socket
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from dagster_project.settings import PROJECT_ROOT
from tests.deploy.programs import program

EXAMPLE = PROJECT_ROOT / "deploy" / "nginx.conf.example"
OPERATORS, VIEWERS, READERS = "fcir-operators.example", "fcir-ui.example", "fcir.example"
PASSWORD = "secret"  # noqa: S105 - of this test


def free_port() -> int:
    """Return a port of 127.0.0.1 that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextmanager
def nginx(folder: Path, *, port: int, operators: Path, viewers: Path, users: Mapping[str, str]) -> Iterator[None]:
    """Run nginx with the example in a folder, on its port in front of two UIs; each file of users has one user."""
    certificate = ["-subj", "/CN=fcir.example", "-keyout", folder / "fcir.key", "-out", folder / "fcir.crt"]
    subprocess.run(
        [program("openssl"), "req", "-x509", "-newkey", "rsa:2048", "-nodes", *certificate],
        check=True,
        capture_output=True,
    )
    for name, user in users.items():
        (folder / name).write_text(f"{user}:{{PLAIN}}{PASSWORD}\n", encoding="utf-8")
    site = EXAMPLE.read_text(encoding="utf-8")
    for before, after in {
        "listen 443 ": f"listen 127.0.0.1:{port} ",
        "/run/fcir-ui/ui.sock": str(operators),
        "/run/fcir-viewer/ui.sock": str(viewers),
        "/etc/ssl/fcir": str(folder),
        "/etc/nginx": str(folder),
        "/srv/fcir": str(folder),
    }.items():
        assert before in site
        site = site.replace(before, after)
    (folder / "site.conf").write_text(site, encoding="utf-8")
    temporary = [f"{kind}_temp_path {folder / kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")]
    user = "user root;" if os.geteuid() == 0 else ""
    http = f"http {{ {' '.join(temporary)} access_log off; include {folder / 'site.conf'}; }}"
    (folder / "nginx.conf").write_text(f"{user} pid {folder / 'pid'}; events {{}} {http}", encoding="utf-8")
    command = [program("nginx"), "-p", folder, "-e", folder / "error.log", "-c", folder / "nginx.conf"]
    # It listens when this returns.
    subprocess.run(command, check=True)
    try:
        yield
    finally:
        subprocess.run([*command, "-s", "stop"], check=True)
