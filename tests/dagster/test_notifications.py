"""Messages about overdue sources, extracts that arrived late, and failed runs."""

import json
import os
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta

import dagster as dg
import pytest
from apprise.decorators import notify

from dagster_project.clock import london_today
from dagster_project.contracts import load_contracts
from dagster_project.defs import notifications
from dagster_project.defs.notifications import failed_runs, overdue_deliveries
from dagster_project.defs.policies import with_policies
from dagster_project.defs.sources import landing_spec
from dagster_project.settings import CONTRACTS, Settings
from dagster_project.warehouse.connection import loading_connection
from dagster_project.warehouse.tables import ensure_tables

messages: list[str] = []


@notify(on="fcirtest")
def receive(body: str, title: str, *_: object, **__: object) -> bool:
    messages.append(f"{title}\n{body}")
    return True


@notify(on="fcirfails")
def fail(*_: object, **__: object) -> bool:
    return False


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FCIR_HOME", str(tmp_path))
    name_addresses(tmp_path, "fcirtest://secret", 0o600)
    monkeypatch.setenv("FCIR_NOTIFY_FILE", str(tmp_path / "notify.urls"))
    messages.clear()
    return tmp_path


def name_addresses(home, text: str, mode: int) -> None:
    file = home / "notify.urls"
    file.write_text(f"{text}\n", encoding="utf-8")
    file.chmod(mode)


class Clock:
    """Ticks of the sensor, one after the other, with the cursor that the daemon keeps."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._patch = monkeypatch
        self._cursor: str | None = None

    def tick(self, day: date, hour: int) -> str:
        moment = datetime(day.year, day.month, day.day, hour, tzinfo=UTC)
        self._patch.setattr(notifications, "utc_now", lambda: moment)
        self._patch.setattr(notifications, "london_today", lambda: day)
        with dg.build_sensor_context(cursor=self._cursor) as context:
            result = overdue_deliveries(context)
            self._cursor = context.cursor
        assert isinstance(result, dg.SkipReason)
        return result.skip_message or ""

    @property
    def sent(self) -> dict[str, list[str]]:
        return json.loads(self._cursor or "{}")


@pytest.fixture
def clock(monkeypatch):
    return Clock(monkeypatch)


def land(home, source: str, day: date) -> None:
    folder = home / "landing" / source
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{source}_{day}.csv").write_text("header\n", encoding="utf-8")


DAY = london_today() - timedelta(days=10)
NEXT = DAY + timedelta(days=1)


def test_an_overdue_extract_is_one_message_and_its_arrival_another(home, clock):
    land(home, "crimes", DAY)
    assert clock.tick(NEXT, 12) == "no source is overdue"
    assert messages == []
    morning = NEXT + timedelta(days=1)
    for _ in range(3):
        assert f"extract of {NEXT}" in clock.tick(morning, 12)
    assert messages == [f"fcir: 1 source is overdue\ncrimes: overdue, extract of {NEXT}\nNext: fcir status"]
    land(home, "crimes", NEXT)
    for _ in range(2):
        clock.tick(morning, 15)
    assert messages[1:] == [
        f"fcir: no source is overdue any more\ncrimes: delivered, extract of {NEXT}\nNext: fcir status"
    ]
    assert clock.sent == {}


def test_each_day_on_which_all_sources_stop_is_one_message(home, clock):
    for source in ("crimes", "live_chats"):
        land(home, source, DAY)
    for after in range(2, 5):
        for _ in range(2):
            clock.tick(DAY + timedelta(days=after), 12)
    assert [message.splitlines()[0] for message in messages] == ["fcir: 2 sources are overdue"] * 3
    assert [len(days) for days in clock.sent.values()] == [3, 3]


def test_a_gap_of_long_ago_is_one_short_message(home, clock):
    land(home, "crimes", DAY - timedelta(days=400))
    clock.tick(NEXT, 12)
    (message,) = messages
    assert "and 19 more" in message
    assert len(clock.sent["crimes"]) == 31


def test_synthetic_extracts_are_never_overdue(home, clock):
    land(home, "crimes", DAY - timedelta(days=30))
    (home / "landing" / "SYNTHETIC").touch()
    assert clock.tick(DAY, 12) == "no source is overdue"
    assert messages == []


def test_without_a_file_of_addresses_an_alert_counts_as_sent(home, clock, monkeypatch):
    monkeypatch.delenv("FCIR_NOTIFY_FILE")
    land(home, "crimes", DAY)
    clock.tick(NEXT + timedelta(days=1), 12)
    assert messages == []
    assert clock.sent == {"crimes": [str(NEXT)]}


def test_an_alert_that_could_not_be_sent_is_sent_again(home, clock):
    land(home, "crimes", DAY)
    name_addresses(home, "fcirfails://secret", 0o600)
    clock.tick(NEXT + timedelta(days=1), 12)
    assert clock.sent == {}
    name_addresses(home, "fcirtest://secret", 0o644)
    clock.tick(NEXT + timedelta(days=1), 13)
    assert (clock.sent, messages) == ({}, [])
    name_addresses(home, "fcirtest://secret", 0o600)
    clock.tick(NEXT + timedelta(days=1), 14)
    assert clock.sent == {"crimes": [str(NEXT)]}
    assert len(messages) == 1


def test_a_failed_run_is_a_message_with_steps_and_deliveries_and_without_the_error(home):
    with loading_connection(home / "warehouse.duckdb") as connection:
        ensure_tables(connection, [])
        connection.execute(
            """
            insert into audit.load (
                load_id, source, extract_date, rows_read, rows_loaded, rows_quarantined, status, reason, is_synthetic,
                loaded_at, run_id, change_seq
            ) values (1, 'crimes', '2022-10-30', 0, 0, 0, 'rejected', 'secret reason', false, now(), 'run', 1)
            """
        )

    @dg.op
    def load_crimes() -> None:
        raise ValueError("secret value")

    @dg.job
    def nightly() -> None:
        load_crimes()

    repository = dg.Definitions(jobs=[nightly], sensors=[failed_runs]).get_repository_def()
    with dg.DagsterInstance.ephemeral() as instance:

        def tick(cursor: str | None) -> str | None:
            with dg.build_sensor_context(instance=instance, cursor=cursor, repository_def=repository) as context:
                return failed_runs.evaluate_tick(context).cursor

        nightly.execute_in_process(instance=instance, raise_on_error=False)
        # Failures before the sensor was first switched on are not reported.
        cursor = tick(None)
        assert messages == []
        failed = nightly.execute_in_process(instance=instance, raise_on_error=False)
        cursor = tick(cursor)
        cursor = tick(cursor)
        # A run of another data root that shares the storage is reported by its own sensor.
        tags = {"dagster/code_location": "essex"}
        nightly.execute_in_process(instance=instance, raise_on_error=False, tags=tags)
        tick(cursor)
    assert messages == [
        f"fcir: nightly failed\nrun {failed.run_id}\nfailed steps: load_crimes\ncrimes 2022-10-30 rejected\n"
        "Next: fcir status"
    ]


@pytest.mark.parametrize(
    ("by", "cron", "window"),
    [("06:30", "30 6 * * *", 23_400), ("09:00", "0 9 * * *", 32_400), ("00:00", "0 0 * * *", 3_600)],
)
def test_the_pages_show_the_deadline_that_the_contract_states(by, cron, window, tmp_path):
    contracts = {"crimes": replace(load_contracts(CONTRACTS)["crimes"], delivered_by=time.fromisoformat(by))}
    settings = Settings(home=tmp_path)
    manifest = tmp_path / "manifest.json"
    manifest.write_text('{"groups": {}}', encoding="utf-8")
    [spec] = with_policies([landing_spec(contracts["crimes"], settings)], contracts=contracts, manifest=manifest)
    assert isinstance(spec, dg.AssetSpec)
    policy = spec.freshness_policy
    assert isinstance(policy, dg.FreshnessPolicy)
    assert (policy.deadline_cron, policy.lower_bound_delta.total_seconds()) == (cron, window)
    assert policy.timezone == "Europe/London"


def test_the_clock_of_the_computer_decides(home):
    land(home, "crimes", london_today() - timedelta(days=5))
    with dg.build_sensor_context() as context:
        overdue_deliveries(context)
    assert len(messages) == 1
    assert os.environ["FCIR_NOTIFY_FILE"] not in messages[0]
