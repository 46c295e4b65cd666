"""What a force states in `config/contracts/SOURCE.yaml`, and the messages about what cannot be used."""

from datetime import date

import pytest

from dagster_project.config import ConfigError, contracts_of
from dagster_project.contracts import load_contracts
from dagster_project.settings import CONTRACTS, Settings


def configured(home, text, name="contracts/call_segments.yaml", **settings):
    file = home / "config" / name
    file.parent.mkdir(parents=True)
    file.write_text(text, encoding="utf-8")
    return contracts_of(Settings(home=home, _env_file=None, **settings))


def test_the_settings_of_a_force_lie_over_the_contract_of_the_source(tmp_path):
    text = "# a small force\nfaultyShareLimit: 0.1\nfaultyRowsLimit: 40\nvolumeFloor: 0.5\nextractDateOffset: -1\n"
    contracts = configured(tmp_path, text)
    shipped = load_contracts(CONTRACTS)
    found = contracts.pop("call_segments")
    assert contracts == {source: contract for source, contract in shipped.items() if source != found.source}
    assert (found.faulty_share_limit, found.faulty_rows_limit, found.volume_floor) == (0.1, 40, 0.5)
    assert found.file_date(date(2024, 1, 31)) == date(2024, 2, 1)
    # Days of a range that is asked for are loaded again under them.
    assert found.version.startswith(f"{shipped['call_segments'].version}+")
    elsewhere = Settings(home=tmp_path / "other", config=tmp_path / "config", _env_file=None)
    assert contracts_of(elsewhere)["call_segments"] == found


FILE = "config/contracts/call_segments.yaml"


def test_of_files_of_weeks_no_day_is_owed(tmp_path):
    found = configured(tmp_path, "cadence: irregular\nfirstDelivery: 2024-01-01\n")["call_segments"]
    assert (found.cadence, found.is_daily) == ("irregular", False)


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        (None, "\nvolumeFlor: 0.5", f"{FILE}, line 2: volumeFlor is not an option; known: .* Did you mean volumeFloor"),
        (None, "volumeFloor: 0.5\nvolumeFloor: 0.4", f"{FILE}, line 2: volumeFloor is stated twice, first in line 1"),
        (None, "volumeFloor: half", f"{FILE}, line 1: volumeFloor is 'half'; expected a number"),
        (
            None,
            "faultyShareLimit: 5",
            f"{FILE}, line 1: faultyShareLimit is '5'; expected 1 or less",
        ),
        (None, "faultyRowsLimit:\n", f"{FILE}, line 1: faultyRowsLimit has no value"),
        (None, "extractDateOffset: 1", f"{FILE}, line 1: extractDateOffset is '1'; expected 0 or less"),
        (None, "\nfirstDelivery: 2024-02-30", f"{FILE}, line 2: firstDelivery is '2024-02-30'; expected a date"),
        (None, "volumeFloor: yes", "volumeFloor is 'yes'; expected a number"),
        (None, "values:\n  lines: {A: '999'}", f"{FILE}, line 2: values: lines is no column of .* Did you mean line"),
        (None, "values:\n  line:\n    A: '99'", f"{FILE}, line 3: values.line: A is mapped to 99; known: 999, 101"),
        (None, "values: {caller_number: {A: B}}", "line 1: values.caller_number: a personal column has no map of val"),
        (None, "defaults: {line: caller_number}", "line 1: defaults.line: caller_number is not another column of the"),
        (None, "timeFormats: {arrived_at: '%d/%m/%Y %I:%M'}", "arrived_at: %d/%m/%Y %I:%M has no time of day"),
        (None, "timeFormats: {arrived_at: '%s %Q'}", "arrived_at is '%s %Q'; expected a format of these: .* alone: %s"),
        (
            "contracts/published_figures.yaml",
            "timeFormats: {published_on: '%s'}",
            "published_on: %s is a point in time",
        ),
        (None, "timeFormats: {arrived_at: '%z'}", "line 1: timeFormats.arrived_at is '%z'; expected a format of these"),
        (None, "fromFileName: {force_code: x}", "fromFileName.force_code is 'x'; expected a regular expression with"),
        (None, "aliases:\n  line:\n    - UCID", f"{FILE}, line 3: call_id and line share the header 'ucid'"),
        (None, "aliases: [line]", f"{FILE}, line 1: aliases is .*; expected options below it, as in name: value"),
        (None, "defaults:\n  line: '99'", f"{FILE}, line 2: defaults.line: 99 is none of its values; known: 999, 101"),
        (None, "defaults: {operator_id: x}", "line 1: defaults.operator_id: a personal column has no default"),
        (None, "aliases: {line: UCID}", f"{FILE}, line 1: call_id and line share the header 'ucid'"),
        (None, "- 1", f"{FILE}, line 1: expected options, as in "),
        (None, "a: [", f"{FILE}, line 1: not YAML"),
        ("contracts/calls.yaml", "", "config/contracts/calls.yaml: not named SOURCE.yaml after a source"),
        ("contracts/crimes.yml", "", "config/contracts/crimes.yml: not named SOURCE.yaml .* Did you mean crimes.yaml"),
        (
            "contract/crimes.yaml",
            "",
            "config/contract: not part of the configuration; known: contracts/, models/, seeds/",
        ),
        ("contracts/published_figures.yaml", "extractDateOffset: -1", "line 1: extractDateOffset is for daily "),
        (None, "cadence: weekly", f"{FILE}, line 1: cadence is 'weekly'; expected 'daily' or 'irregular'"),
        (
            None,
            "cadence: irregular\ndeliveredBy: '08:00'",
            f"{FILE}, line 2: deliveredBy is stated, but the cadence is",
        ),
    ],
)
def test_what_is_not_understood_is_an_error_with_file_and_line(tmp_path, name, text, message):
    with pytest.raises(ConfigError, match=message):
        configured(tmp_path, text, **({"name": name} if name else {}))
    with pytest.raises(ConfigError, match=r"FCIR_CONFIG: .*nowhere is not a folder"):
        contracts_of(Settings(home=tmp_path, config=tmp_path / "nowhere", _env_file=None))


def test_a_whole_contract_of_a_new_source_stands_beside_what_differs_of_shipped_ones(tmp_path):
    text = (CONTRACTS / "live_chats.odcs.yaml").read_text(encoding="utf-8")
    name = "contracts/web_chats.odcs.yaml"
    found = configured(tmp_path, text.replace("live_chats", "web_chats"), name)["web_chats"]
    assert found.columns == load_contracts(CONTRACTS)["live_chats"].columns
    file = tmp_path / "config" / name
    file.with_name("web_chats.yaml").write_text("values: {created_incident: {Raised: true}}")
    mapped = contracts_of(Settings(home=tmp_path, _env_file=None))["web_chats"].column("created_incident")
    assert mapped.spellings == {"raised": "true"}
    file.rename(file.with_name("live_chats.odcs.yaml"))
    with pytest.raises(ConfigError, match=r"live_chats is shipped; state only what differs, in live_chats.yaml"):
        contracts_of(Settings(home=tmp_path, _env_file=None))
