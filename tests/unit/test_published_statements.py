"""What a paper says in words, as it is delivered: which papers are taken in, and which tests of a statement are not."""

from pathlib import Path

import pytest

from dagster_project.contracts import load_contracts
from dagster_project.settings import CONTRACTS
from tests.unit.loading_helpers import Installation

SOURCE = "published_statements"
HEADER = (
    "report_id,statement_id,test_no,kind,section,statement,measure,comparison,first_month,last_month,stated_month,"
    "other_measures,unit,published_value"
)
FIGURE = "p,N1,1,figure,crime,a mean,crime.recorded_crime,mean_per_month,2022-08,2023-01,,,count,14327"
CLAIM = "p,C1,1,claim,crime,it peaked,crime.recorded_crime,peaks_in,2022-08,2023-01,2022-10,,,"


@pytest.fixture
def installation(tmp_path: Path) -> Installation:
    return Installation(tmp_path, load_contracts(CONTRACTS))


def loaded(installation: Installation, *rows: str) -> tuple[str, list[tuple[str, str]]]:
    """The status of a paper of these rows, and the reason and column of each row that is quarantined."""
    installation.land("2023-03-15", source=SOURCE, text="\n".join([HEADER, *rows, ""]))
    installation.run(source=SOURCE)
    ((status,),) = installation.query("select status from audit.load")
    return status, installation.query("select reason_code, column_name from audit.quarantine order by source_row")


def test_a_figure_and_a_claim_are_taken_in(installation):
    assert loaded(installation, FIGURE, CLAIM) == ("loaded", [])


@pytest.mark.parametrize(
    "row",
    [FIGURE.replace("mean_per_month", "rises"), CLAIM.replace("peaks_in", "value")],
    ids=["figure as a claim", "claim as a figure"],
)
def test_a_paper_whose_kinds_and_comparisons_do_not_fit_is_refused(installation, row):
    status, _ = loaded(installation, FIGURE.replace("N1", "N2"), row)
    assert status == "rejected"
    assert installation.query("select count(*) from raw.published_statements") == [(0,)]


@pytest.mark.parametrize(
    ("row", "reason", "column"),
    [
        (CLAIM.replace("2022-10", ""), "required_when", "stated_month"),
        (CLAIM.replace("peaks_in", "is_the_sum_of"), "required_when", "other_measures"),
        (CLAIM.replace("2022-08,2023-01", "2023-01,2022-08"), "out_of_order", "last_month"),
        (CLAIM.replace("peaks_in", "soars"), "not_in_list", "comparison"),
        (CLAIM.replace("C1,1", "C1,0"), "below_minimum", "test_no"),
        (FIGURE.replace("14327", ""), "required_when", "published_value"),
        (FIGURE.replace("count", ""), "required_when", "unit"),
    ],
)
def test_a_test_that_lacks_what_its_comparison_needs_is_set_aside(installation, row, reason, column):
    assert loaded(installation, FIGURE.replace("N1", "N2"), row) == ("loaded", [(reason, column)])
