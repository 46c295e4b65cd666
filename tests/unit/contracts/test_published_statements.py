"""What a paper says in words, as it is delivered: which rows of the contract are loaded, and which are not."""

from datetime import timedelta

from dagster_project.contracts import load_contract
from dagster_project.loading import pipeline
from dagster_project.settings import CONTRACTS
from tests.unit.loading.conftest import outcomes_of
from tests.unit.loading.installation import DAY, Installation

SOURCE = "published_statements"
HEADER = (
    "report_id,statement_id,test_no,kind,section,statement,measure,comparison,first_month,last_month,stated_month,"
    "other_measures,unit,published_value"
)
FIGURE = "p,N1,1,figure,crime,a mean,crime.recorded_crime,mean_per_month,2022-08,2023-01,,,count,14327"
CLAIM = "p,C1,1,claim,crime,it peaked,crime.recorded_crime,peaks_in,2022-08,2023-01,2022-10,,,"
FAULTY = {
    CLAIM.replace("2022-10", ""): ("required_when", "stated_month"),
    CLAIM.replace("peaks_in", "is_the_sum_of"): ("required_when", "other_measures"),
    CLAIM.replace("2022-08,2023-01", "2023-01,2022-08"): ("out_of_order", "last_month"),
    CLAIM.replace("peaks_in", "soars"): ("not_in_list", "comparison"),
    CLAIM.replace("C1,1", "C1,0"): ("below_minimum", "test_no"),
    FIGURE.replace("14327", ""): ("required_when", "published_value"),
    FIGURE.replace("count", ""): ("required_when", "unit"),
}


def test_figures_and_claims_are_loaded_and_tests_that_lack_what_their_comparison_needs_are_not(tmp_path, monkeypatch):
    monkeypatch.setattr(pipeline, "validate", outcomes_of)
    installation = Installation(tmp_path / "home", load_contract(CONTRACTS / f"{SOURCE}.odcs.yaml"))
    installation.land(DAY, FIGURE, CLAIM, *FAULTY, source=SOURCE, header=HEADER)
    # A paper whose kinds and comparisons do not fit is rejected.
    for number, mixed in enumerate([FIGURE.replace("mean_per_month", "rises"), CLAIM.replace("peaks_in", "value")], 1):
        installation.land(DAY + timedelta(number), FIGURE.replace("N1", "N2"), mixed, source=SOURCE, header=HEADER)
    installation.run(source=SOURCE)
    assert [load[1:] for load in installation.loads()] == [("loaded", 9, 2, 7), *[("rejected", 2, 0, 0)] * 2]
    found = installation.query("select reason_code, column_name from audit.quarantine order by source_row")
    assert found == [*FAULTY.values()]
    assert installation.query(f"select count(*) from raw.{SOURCE}") == [(2,)]
