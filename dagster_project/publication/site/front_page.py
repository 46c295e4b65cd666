"""The content of the first page besides the headline measures: the questions that other pages answer."""

from dagster_project.publication.report.model import Report, long_month, months_before
from dagster_project.publication.report.published_answering import HEADLINE


def not_compared(report: Report) -> str:
    """Say that no figure is compared with the year before; empty if one is, or if the month is not complete."""
    own = [item for item in report.matrix.headlines if item.measure != HEADLINE]
    if report.unfinished or any(item.beside["year_before"].value is not None for item in own):
        return ""
    return f"There is no complete figure for {long_month(months_before(report.months[-1], 12))} to compare with."


CONTACT_FIELDS = ("next_release", "owner", "contact")
"""Fields of the front matter of the newest paper that the first page shows."""

QUESTIONS = (
    ("What changed since the last publication?", "trust.html#revisions"),
    ("How many operators does each hour need?", "demand.html#operators"),
    ("When do callers give up?", "demand.html#unanswered"),
    ("On how many days was a target missed?", "demand.html#target-days"),
    ("How many live chats does an operator hold at once?", "demand.html#concurrency"),
    ("Why are crimes cancelled, and after how many days?", "crime.html#codes"),
    ("Are more crimes of a month cancelled than at the same age before?", "crime.html#maturity"),
    ("What happened to crimes after they were recorded?", "cookbook.html#12_changes_of_crimes"),
    ("Which districts recorded most crime, and where did it change?", "crime.html#districts"),
    ("How many online reports became recorded crimes?", "cookbook.html#11_online_reports_recorded"),
    ("Which data are missing, late or left out?", "trust.html#faults"),
    ("How do other forces answer 999 calls?", "peers.html"),
    ("Which calls count as answered?", "trust.html#answered"),
    ("Where does a printed figure come from?", "trust.html#printed"),
    ("How do I get the figures into Excel or Power BI?", "dictionary.html#queries"),
    ("How do I compare measures, months or weeks of my choice?", "explorer.html"),
)
"""What a reader may ask, and the place that answers it."""
