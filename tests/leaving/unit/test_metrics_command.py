"""What the command for metrics says when there is nothing that it could ask."""

import fcntl

import pytest

from dagster_project import metrics
from dagster_project.settings import read_settings


@pytest.fixture
def settings(tmp_path, monkeypatch):
    monkeypatch.setenv("FCIR_HOME", str(tmp_path / "home"))
    return read_settings()


def test_without_a_publication_it_says_what_to_run_and_makes_nothing(settings, capsys):
    assert metrics.main(["list", "metrics"]) == 2
    assert "nothing is published yet. Run: fcir run" in capsys.readouterr().err
    assert not settings.home.exists()


def test_without_a_warehouse_it_says_what_to_run(settings, capsys):
    assert metrics.main(["--warehouse", "list", "metrics"]) == 2
    assert "there is no warehouse yet. Run: fcir run" in capsys.readouterr().err
    assert not settings.home.exists()


def test_the_warehouse_is_not_read_while_a_run_holds_it(settings, capsys):
    settings.home.mkdir()
    settings.warehouse.touch()
    with settings.lock_file.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert metrics.main(["--warehouse", "list", "metrics"]) == 75
    assert "holds the warehouse" in capsys.readouterr().err


def test_without_metricflow_it_says_how_to_get_it(settings, capsys, monkeypatch, tmp_path):
    folder = settings.published / "first"
    folder.mkdir(parents=True)
    (settings.published / "current").symlink_to("first")
    monkeypatch.setattr(metrics.sys, "executable", str(tmp_path / "python"))
    assert metrics.main(["list", "metrics"]) == 2
    assert "MetricFlow is not installed here, so the query was not run. Run: make env" in capsys.readouterr().err
