"""Verdicts on the deliveries of each night follow the rules, regardless of the nights before."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest

from dagster_project.loading.pipeline import load_source
from dagster_project.loading.plan import Range
from dagster_project.loading.waivers import waive
from dagster_project.settings import Settings
from dagster_project.warehouse.connection import loading_connection
from tests.ingestion.verdict_histories import NIGHTS, SOURCE, History, Verdicts
from tests.unit.loading_helpers import VISITS

CODES = {
    "faulty_rows_are_within_limits",
    "faulty_rows_of_28_days_are_within_limits",
    "key_not_unique",
    "events_outside_day",
    "same_content_as_other_day",
    "no_header",
}
# Volume by weekday has its own tests.
CONTRACT = replace(VISITS, volume_floor=0.0)


def codes_of(delivery) -> set[str]:
    """Return the codes in a reason: those in brackets, and names of expectations without a code."""
    if delivery.is_accepted:
        return set()
    return {code for code in CODES if f"[{code}]" in delivery.reason or f"{code}:" in delivery.reason}


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_verdicts_of_every_night_follow_the_rules(tmp_path, seed):
    settings = Settings(home=tmp_path / "home", quiet_seconds=0, _env_file=None)
    history, rules = History(seed, settings.landing), Verdicts()
    counts: Counter[str] = Counter()
    for night in range(NIGHTS):
        history.step()
        expected = rules.night(history.files)
        report = load_source(settings, {SOURCE: CONTRACT}, SOURCE, wanted=Range(), run_id=f"night {night}")
        found = {delivery.extract_date: codes_of(delivery) for delivery in report.deliveries}
        assert found == expected, night
        failed = {
            (outcome.expectation.code or outcome.expectation.name, day)
            for outcome in report.outcomes
            for day in outcome.failed_dates
            if outcome.expectation.severity == "critical"
        }
        waived = {day for day, codes in found.items() if not codes and day in rules.accepted_by_hand}
        assert {(code, day) for code, day in failed if day not in waived} == {
            (code, day) for day, codes in expected.items() for code in codes if code != "no_header"
        }
        counts.update(code for codes in expected.values() for code in codes)
        rejected = [item for item in report.rejected if codes_of(item) != {"no_header"}]
        for delivery in rejected[::9]:
            with loading_connection(settings.warehouse) as connection:
                waive(connection, SOURCE, delivery.extract_date, "it is right")
            rules.accepted_by_hand[delivery.extract_date] = frozenset(history.files[delivery.extract_date].values())
    assert counts.keys() == CODES, counts
    assert min(counts.values()) > 1, counts
