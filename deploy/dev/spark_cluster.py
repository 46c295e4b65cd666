"""A Spark with Iceberg on this machine, for trials and tests: `make spark-up`, `make spark-down`.

It listens on 127.0.0.1 alone and asks no password, so every user of the machine can read it: not for real extracts. In
production, `FCIR_SPARK_HOST` names the cluster of the force (docs/spark.md).

The Thrift server computes on two processors by itself, or with `--workers N` on a master and N workers.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from dagster_project.console import print_error, say
from dagster_project.errors import OperatorError
from dagster_project.settings import PROJECT_ROOT, Settings, read_settings
from dagster_project.warehouse.lake import connect
from dagster_project.warehouse.spark import LakeError
from dagster_project.writing import make_private_folder

_LOOPBACK = "127.0.0.1"
_MASTER_PORT = 7077
_JAVA = 17
# A start takes 15 to 40 seconds on two processors.
_SECONDS = 180
MEMORY = "3g"
"""Heap of the server: enough for the sample. A second build of 5 million rows of 43 forces filled it."""
_WAREHOUSE_CLASS = "org.apache.spark.sql.hive.thriftserver.HiveThriftServer2"


class ClusterError(OperatorError, RuntimeError):
    """The cluster cannot be started; the message says why and what to do."""


@dataclass(frozen=True)
class Cluster:
    """Where the cluster keeps its data, and the packages that it runs from."""

    home: Path
    spark_home: Path
    iceberg: Path
    port: int

    @property
    def settings(self) -> dict[str, str]:
        """Settings of the server. Each is needed."""
        metastore = self.home / "metastore"
        return {
            "spark.executor.extraClassPath": str(self.iceberg),
            "spark.sql.catalog.spark_catalog": "org.apache.iceberg.spark.SparkSessionCatalog",
            "spark.sql.catalog.spark_catalog.type": "hive",
            # Compaction and expiry are procedures of these extensions.
            "spark.sql.extensions": "org.apache.iceberg.spark.extensions.IcebergSparkSessionExtensions",
            # A metastore within the server, since one of its own would listen on all addresses.
            "spark.hadoop.javax.jdo.option.ConnectionURL": f"jdbc:derby:;databaseName={metastore};create=true",
            "spark.hadoop.hive.metastore.disallow.incompatible.col.type.changes": "false",
            "spark.hadoop.iceberg.engine.hive.lock-enabled": "false",
            "spark.sql.warehouse.dir": str(self.home / "warehouse"),
            # An overflow or a text that is not a number is an error and not a null, as in DuckDB.
            "spark.sql.ansi.enabled": "true",
            "spark.sql.session.timeZone": "UTC",
            # DataNucleus, the library of the metastore, asks for a full garbage collection at the end of each session:
            # 446 in a first load of the sample, a quarter of its processor time.
            "spark.driver.extraJavaOptions": "-Duser.timezone=UTC -XX:+DisableExplicitGC",
            "spark.executor.extraJavaOptions": "-Duser.timezone=UTC",
            "spark.driver.host": _LOOPBACK,
            "spark.driver.bindAddress": _LOOPBACK,
            "spark.ui.enabled": "false",
            # Two hundred, the default, is for clusters: a small table would be two hundred files.
            "spark.sql.shuffle.partitions": "2",
            # A sort or join takes at least this much; by default 64 MB on two processors, which Java clears each time.
            "spark.buffer.pageSize": "2m",
        }


def start(settings: Settings, *, workers: int, memory: str = MEMORY) -> str:
    """Start what is not running, and wait until the server answers a query; return a sentence about it.

    Args:
        settings: the data root whose tables it keeps.
        workers: workers of a cluster; 0: one process.
        memory: heap of the server as Java writes it, for example `3g`.

    Raises:
        ClusterError: Java 17, the client or a package is missing, or a process ended.
    """
    cluster = _cluster(settings)
    if find_spec("pyhive") is None:
        raise ClusterError("the Spark client is not installed. Nothing was started. Run: make spark-up")
    if _answers(settings):
        return f"Spark is running at {_LOOPBACK}:{cluster.port}. Stop it: make spark-down"
    _require_java()
    make_private_folder(cluster.home)
    for folder in ("log", "run", "warehouse"):
        (cluster.home / folder).mkdir(exist_ok=True)
    master = "local[2]"
    if workers:
        master = f"spark://{_LOOPBACK}:{_MASTER_PORT}"
        _start_workers(cluster, master, workers)
    conf = [text for name, value in cluster.settings.items() for text in ("--conf", f"{name}={value}")]
    _start(
        cluster,
        "server",
        [
            *("spark-submit", "--class", _WAREHOUSE_CLASS, "--name", "fcir", "--master", master),
            *("--driver-memory", memory, "--driver-class-path", str(cluster.iceberg), *conf, "spark-internal"),
            *("--hiveconf", f"hive.server2.thrift.bind.host={_LOOPBACK}"),
            *("--hiveconf", f"hive.server2.thrift.port={cluster.port}"),
            *("--hiveconf", "hive.server2.authentication=NOSASL"),
        ],
    )
    _wait(cluster, "server", lambda: _answers(settings))
    address = f"{_LOOPBACK}:{cluster.port}"
    return f"Spark answers at {address}; its tables are in {cluster.home}. Use it: FCIR_TARGET=spark make run"


def stop(settings: Settings) -> str:
    """Stop every process, if any runs; return a sentence about it. The tables stay."""
    cluster = _cluster(settings)
    stopped = [pid_file.stem for pid_file in sorted((cluster.home / "run").glob("*.pid")) if _end(pid_file)]
    return f"Stopped: {', '.join(stopped)}. The tables stay in {cluster.home}." if stopped else "No Spark was running."


def _start_workers(cluster: Cluster, master: str, workers: int) -> None:
    deploy = "org.apache.spark.deploy"
    at = ("--host", _LOOPBACK, "--webui-port", "0")
    _start(cluster, "master", ["spark-class", f"{deploy}.master.Master", *at, "--port", str(_MASTER_PORT)])
    _wait(cluster, "master", lambda: _listens(_MASTER_PORT))
    for number in range(1, workers + 1):
        _start(
            cluster,
            f"worker-{number}",
            [
                *("spark-class", f"{deploy}.worker.Worker", *at, "--cores", "1", "--memory", "2g"),
                *("--work-dir", str(cluster.home / "run" / f"worker-{number}"), master),
            ],
        )


def _start(cluster: Cluster, name: str, command: list[str]) -> None:
    """Start a process in a session of its own, unless it runs."""
    pid_file = cluster.home / "run" / f"{name}.pid"
    if _running(pid_file):
        return
    with (cluster.home / "log" / f"{name}.log").open("w") as log:
        process = subprocess.Popen(  # noqa: S603 - Spark's own scripts
            [str(cluster.spark_home / "bin" / command[0]), *command[1:]],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            cwd=cluster.home,
            env=_environment(cluster),
            start_new_session=True,
        )
    pid_file.write_text(str(process.pid), encoding="utf-8")


def _environment(cluster: Cluster) -> Mapping[str, str]:
    # Spark reads the memory of the server from SPARK_DAEMON_MEMORY before it reads --driver-memory.
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("SPARK_", "FCIR_"))}
    return inherited | {
        "SPARK_HOME": str(cluster.spark_home),
        "SPARK_LOCAL_IP": _LOOPBACK,
        "SPARK_DIST_CLASSPATH": str(cluster.iceberg),
        "TZ": "UTC",
    }


def _wait(cluster: Cluster, name: str, is_up: Callable[[], bool]) -> None:
    log = cluster.home / "log" / f"{name}.log"
    deadline = time.monotonic() + _SECONDS
    while time.monotonic() < deadline:
        if is_up():
            return
        if not _running(cluster.home / "run" / f"{name}.pid"):
            break
        time.sleep(0.5)
    lines = [line for line in log.read_text(encoding="utf-8", errors="replace").splitlines() if line.strip()]
    raise ClusterError(
        f"the {name} of Spark did not start: {lines[-1][:200] if lines else 'it wrote nothing'}. Read {log}, then: "
        "make spark-down && make spark-up"
    )


def _running(pid_file: Path) -> bool:
    """Return whether the process of a file is one of Spark; after a restart its number may be another program's."""
    try:
        number = int(pid_file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    # A process that replaces its program, as Spark's scripts do twice, has none for an instant.
    for wait in (0, 0.2, 0.2):
        time.sleep(wait)
        if command := _command_of(number):
            return "spark" in command
    return False


def _command_of(number: int) -> str:
    """Return the command line of a process; empty if there is none."""
    if Path("/proc/self").exists():
        try:
            return Path(f"/proc/{number}/cmdline").read_text(encoding="utf-8", errors="replace")
        except OSError:
            return ""
    # macOS has no such files; small images of Linux have no such program.
    command = ["ps", "-ww", "-o", "command=", "-p", str(number)]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout  # noqa: S603 - a number


def _end(pid_file: Path) -> bool:
    """End the process of a file and its children, and remove the file; return whether it was running."""
    was_running = _running(pid_file)
    if was_running:
        group = int(pid_file.read_text(encoding="utf-8"))
        os.killpg(group, signal.SIGTERM)
        deadline = time.monotonic() + 20
        while _running(pid_file) and time.monotonic() < deadline:
            time.sleep(0.2)
        if _running(pid_file):
            os.killpg(group, signal.SIGKILL)
    pid_file.unlink()
    return was_running


def _answers(settings: Settings) -> bool:
    if not _listens(settings.spark_port):
        return False
    try:
        with connect(settings) as lake:
            return lake.rows("select 1") == [(1,)]
    except LakeError:
        return False


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex((_LOOPBACK, port)) == 0


def _require_java() -> None:
    """Check the version of Java.

    Raises:
        ClusterError: it is another one, or there is none.
    """
    java = shutil.which("java")
    found = "no java was found"
    if java:
        answer = subprocess.run([java, "-version"], capture_output=True, text=True, check=False)  # noqa: S603 - of the path
        version = re.search(r'version "(\d+)', answer.stderr)
        if version and int(version[1]) == _JAVA:
            return
        found = f"{java} is version {version[1] if version else 'unknown'}"
    raise ClusterError(
        f"Spark needs Java {_JAVA}: {found}. Nothing was started. Install it (Debian: apt-get install "
        f"openjdk-{_JAVA}-jre-headless), then run: make spark-up"
    )


def _cluster(settings: Settings) -> Cluster:
    packages = sorted((PROJECT_ROOT / ".venv-spark" / "lib").glob("python3*/site-packages"))
    jars = [jar for folder in packages for jar in folder.rglob("iceberg-spark-runtime-3.5_2.12-*.jar")]
    if not jars:
        raise ClusterError("Spark is not installed in .venv-spark. Nothing was started. Run: make spark-up")
    return Cluster(settings.trial_lake, packages[0] / "pyspark", jars[0], settings.spark_port)


def _heap(text: str) -> str:
    if not re.fullmatch("[1-9][0-9]*[mg]", text):
        raise argparse.ArgumentTypeError(f"expected megabytes or gigabytes, for example 6g, not {text}")
    return text


def main() -> int:
    """Run `up` or `down`."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("action", choices=["up", "down"])
    parser.add_argument("--workers", type=int, default=0, help="workers of a cluster; 0: one process")
    parser.add_argument("--memory", type=_heap, default=MEMORY, help="heap of the server, for example 6g")
    arguments = parser.parse_args()
    try:
        settings = read_settings()
        said = (
            start(settings, workers=arguments.workers, memory=arguments.memory)
            if arguments.action == "up"
            else stop(settings)
        )
    except OperatorError as error:
        print_error(str(error))
        return 1
    say(said)
    return 0


if __name__ == "__main__":
    sys.exit(main())
