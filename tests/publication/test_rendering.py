"""A rendering that hangs, crashes or raises is a failed one, and the next is rendered."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from dagster_project.publication.paths import UnsafeName
from dagster_project.publication.rendering import Renderer
from tests.publication.failing_renderers import abort, answer, eat_memory, environment, hang, leave, process_id, refuse


@pytest.fixture
def renderer():
    # A renderer of the tests answers at once; the rest is for a machine that has much else to do.
    with Renderer(time_limit=8) as renderer:
        yield renderer


@pytest.mark.parametrize(
    ("function", "reason"),
    [
        (hang, "it took longer than 8 seconds"),
        (abort, "its process ended (SIGABRT)"),
        (leave, "its process ended (exit code 3)"),
        (refuse, "rendering it failed (ValueError)"),
        (lambda: "", "what it shows cannot be handed over (PicklingError)"),
    ],
)
def test_a_rendering_that_fails_is_named_without_a_value_and_the_next_one_is_rendered(
    renderer, caplog, function, reason
):
    assert renderer.render("papers/kent/a.pdf", function, "07700 900123") is None
    assert renderer.failed == [{"path": "papers/kent/a.pdf", "reason": reason}]
    assert renderer.has_failed("papers/kent/a.pdf")
    assert f"papers/kent/a.pdf is left out: {reason}." in caplog.text
    assert "07700" not in caplog.text
    assert renderer.render("b.csv", answer, "x").content == b"('x',)"
    # One that failed is not tried again.
    assert renderer.render("papers/kent/a.pdf", answer) is None


@pytest.mark.skipif(sys.platform != "linux", reason="macOS does not enforce the limit")
def test_a_rendering_that_asks_for_too_much_memory_fails_alone():
    with Renderer() as renderer:
        assert renderer.render("a", eat_memory) is None
        assert renderer.failed == [{"path": "a", "reason": "rendering it failed (MemoryError)"}]
        assert renderer.render("b", answer) is not None


def test_after_a_time_out_the_next_of_its_kind_gets_less_time_until_one_succeeds():
    with Renderer(time_limit=6) as renderer:
        renderer._timeouts = {hang: 2, answer: 2}  # as after two of them; waiting for those would take a minute
        assert renderer.render("c", hang) is None
        assert renderer.failed[0]["reason"] == "it took longer than 3 seconds"
        assert renderer.render("d", answer) is not None
        assert renderer._timeouts == {hang: 3}


def test_what_cannot_be_read_and_names_that_are_refused_are_failed_renderings_too(renderer):
    def read() -> int:
        raise KeyError("07700 900123")

    assert renderer.attempt("a.html", lambda: 1) == 1
    assert renderer.attempt("b.html", read) is None
    renderer.refuse(UnsafeName("a name in its path is empty"), "papers", "../x")
    assert renderer.failed == [
        {"path": "b.html", "reason": "what it shows cannot be read from the marts (KeyError)"},
        {"path": "papers/..%2Fx", "reason": "a name in its path is empty"},
    ]


@pytest.mark.parametrize("text", ["a\x00b", "a\ud800b", "a\uffffb", "a\u202eb", "a\x1bb"])
def test_characters_that_no_document_may_hold_are_replaced_before_anything_is_rendered(renderer, text):
    rendered = renderer.render("a", answer, {"name": [text]})
    assert rendered.content.decode() == "({'name': ['a\N{REPLACEMENT CHARACTER}b']},)"


def test_what_writing_needs_and_emoji_stay(renderer):
    text = "a\tb\nc \u0627\u0301 \u4e2d \N{GRINNING FACE}\u200d"
    assert renderer.render("a", answer, text).content.decode() == repr((text,))


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="needs Linux's list of open files")
def test_the_process_gets_no_secret_and_no_open_file(renderer, tmp_path, monkeypatch):
    monkeypatch.setenv("FCIR_ALERT_URL", "secret")
    with (tmp_path / "warehouse.lock").open("w") as lock:
        os.set_inheritable(lock.fileno(), True)
        rendered = renderer.render("a", environment)
    seen = rendered.content.decode()
    assert "PYTHONPATH" in seen
    assert "FCIR_" not in seen
    assert "warehouse.lock" not in seen


def test_the_process_serves_many_files_and_ends_with_its_renderer():
    with Renderer() as renderer:
        ids = {rendered.content for name in "abc" if (rendered := renderer.render(name, process_id))}
    assert len(ids) == 1
    with pytest.raises(ProcessLookupError):
        os.kill(int(ids.pop()), 0)


@pytest.mark.skipif(sys.platform != "linux", reason="a pipe's end is a signal on Linux")
def test_the_process_dies_with_one_that_is_killed_although_it_hangs():
    code = (
        "import os, sys, threading; sys.path.insert(0, sys.argv[1]);"
        "from failing_renderers import hang, process_id; from dagster_project.publication.rendering import Renderer;"
        "renderer = Renderer(); print(renderer.render('a', process_id).content.decode(), flush=True);"
        "threading.Timer(0.5, os.abort).start(); renderer.render('b', hang)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(Path(__file__).parent)], capture_output=True, text=True, check=False
    )
    assert done.returncode == -6
    assert any(not is_running(int(done.stdout)) for _ in range(1_000_000))


def is_running(process: int) -> bool:
    """Whether a process has not ended; a zombie has."""
    try:
        return "\nState:\tZ" not in Path(f"/proc/{process}/status").read_text()
    except FileNotFoundError:
        return False
