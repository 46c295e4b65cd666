"""Lines of the console are in columns."""

from dagster_project.console import step_line
from dagster_project.contracts import load_contracts
from dagster_project.settings import CONTRACTS


def test_messages_of_all_sources_begin_in_one_column():
    lines = [step_line("sources", name, "|") for name in (*load_contracts(CONTRACTS), "a")]
    assert len({line.index("|") for line in lines}) == 1
