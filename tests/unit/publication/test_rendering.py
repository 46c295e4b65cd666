"""A rendering that hangs, crashes or raises is a failed one, and the next is rendered."""

import os
import subprocess
import sys
from functools import partial

import pytest

from dagster_project.publication import rendering
from dagster_project.publication.rendering import Renderer
from tests.unit.publication import failing_renderers as failing
from tests.unit.publication.failing_renderers import answer, hang


@pytest.mark.parametrize(
    ("function", "reason"),
    [
        (failing.abort, "its process ended (SIGABRT)"),
        (failing.leave, "its process ended (exit code 3)"),
        (failing.refuse, "rendering it failed (ValueError)"),
        (failing.ask_for_8_gb, "rendering it failed (MemoryError)"),
        (lambda: "", "what it shows cannot be handed over (PicklingError)"),
    ],
)
def test_a_failed_rendering_is_named_without_a_value_and_the_next_one_is_rendered(renderer, caplog, function, reason):
    assert renderer.render("papers/kent/a.pdf", function, "07700 900123") is None
    assert renderer.failed == [{"path": "papers/kent/a.pdf", "reason": reason}]
    assert renderer.has_failed("papers/kent/a.pdf")
    assert f"papers/kent/a.pdf is left out: {reason}." in caplog.text
    assert "07700" not in caplog.text
    assert renderer.render("b.csv", answer, "x").content == b"('x',)"
    # One that failed is not tried again.
    assert renderer.render("papers/kent/a.pdf", answer) is None


def test_after_a_time_out_the_next_file_is_rendered(renderer, monkeypatch):
    # A renderer of the tests answers at once; the rest is for a machine that has much else to do.
    monkeypatch.setattr(rendering, "TIME_LIMIT", 3)
    assert renderer.render("a", hang) is None
    assert renderer.failed == [{"path": "a", "reason": "it took longer than 3 seconds"}]
    assert renderer.render("b", answer) is not None


def test_sets_of_a_page_have_the_same_fingerprint_in_every_process():
    code = "from dagster_project.publication.rendering import fingerprint; print(fingerprint({'a': {*'abcdefgh'}}))"
    run = partial(subprocess.check_output, [sys.executable, "-c", code], text=True)
    assert run(env={"PYTHONHASHSEED": "1"}) == run(env={"PYTHONHASHSEED": "2"})


def test_what_cannot_be_read_is_a_failed_rendering_too(renderer):
    assert renderer.attempt("a.html", lambda: 1) == 1
    assert renderer.attempt("b.html", lambda: {}["07700 900123"]) is None
    reason = "what it shows cannot be read from the marts (KeyError)"
    assert renderer.failed == [{"path": "b.html", "reason": reason}]


def test_characters_that_no_document_may_hold_are_replaced_before_anything_is_rendered(renderer):
    texts = ["a\x00b", "a\ud800b", "a\uffffb", "a\u202eb", "a\x1bb", "a\tb\nc \u0627\u0301 \N{GRINNING FACE}\u200d"]
    found = renderer.render("a", answer, {"name": texts}).content.decode()
    assert found == repr(({"name": [*["a\N{REPLACEMENT CHARACTER}b"] * 5, texts[-1]]},))


def test_one_process_without_secrets_and_open_files_serves_all_and_ends_with_its_renderer(tmp_path, monkeypatch):
    monkeypatch.setenv("FCIR_ALERT_URL", "secret")
    with (tmp_path / "warehouse.lock").open("w") as lock, Renderer() as renderer:
        os.set_inheritable(lock.fileno(), True)
        seen = renderer.render("a", failing.environment).content.decode()
        first, second = (int(renderer.render(name, failing.process_id).content) for name in "bc")
    assert first == second
    with pytest.raises(ProcessLookupError):
        os.kill(first, 0)
    assert "PYTHONPATH" in seen
    assert "FCIR_" not in seen
    assert "warehouse.lock" not in seen
