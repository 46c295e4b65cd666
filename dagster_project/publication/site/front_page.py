"""Read the content of the first page: the headline figures as cards, and the questions that other pages answer."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date

from dagster_project.publication.report.course import first_capital
from dagster_project.publication.report.figures import months_before
from dagster_project.publication.report.model import COMPARED, Headline, Report, long_month, short_month
from dagster_project.publication.site.worst_month import WorstMonth


@dataclass(frozen=True)
class Card:
    """A headline measure with what it is compared with."""

    headline: Headline
    address: str
    """The page of the measure; empty if it has none."""
    target: str
    """`Benchmark under 2%: met`; empty without a target."""
    lines: tuple[str, ...]
    """Verdict, what it stands beside, what the rest of the year needs, and what limits it, each in a line."""
    worst: WorstMonth | None


def cards(report: Report, addresses: Mapping[str, str], worst: Mapping[str, WorstMonth]) -> list[Card]:
    """Return a card for each headline measure.

    Args:
        report: the paper of the month that is shown.
        addresses: the page of each measure, by its code.
        worst: the worst month of each measure, by its code.
    """
    return [
        Card(
            item,
            addresses.get(item.measure, ""),
            f"{item.target_kind.capitalize()} {item.target}" if item.target else "",
            tuple(filter(None, _lines(item, report.months[-1]))),
            worst.get(item.measure),
        )
        for item in report.matrix.headlines
    ]


def not_compared(report: Report) -> str:
    """Say that no figure is compared with the year before; empty if one is, or if the month is not complete."""
    if report.unfinished or any(item.beside("year_before").value is not None for item in report.matrix.headlines):
        return ""
    return f"There is no complete figure for {long_month(months_before(report.months[-1], 12))} to compare with."


def _lines(item: Headline, month: date) -> Iterator[str]:
    yield item.verdict
    months = {
        "month_before": short_month(months_before(month, 1)),
        "year_before": short_month(months_before(month, 12)),
    }
    texts = {name: item.beside(name).text for name in COMPARED if item.beside(name).value is not None}
    yield "; ".join(f"{title} {texts[name]}" for name, title in months.items() if name in texts)
    year = {"fytd": "year to date", "prev_fytd": "last year"}
    words = "; ".join(f"{title} {texts[name]}" for name, title in year.items() if name in texts)
    yield first_capital(words)
    yield f"Target of the year: {item.rest}" if item.rest else ""
    yield item.remark


CONTACT_FIELDS = ("next_release", "owner", "contact")
"""Fields of the front matter of the newest paper that the first page shows."""

QUESTIONS = (
    ("What changed since the last publication?", "trust.html#revisions"),
    ("How many operators does each hour need?", "demand.html#operators"),
    ("When do callers give up?", "demand.html#unanswered"),
    ("On how many days was a target missed?", "demand.html#target-days"),
    ("How many live chats does an operator hold at once?", "demand.html#concurrency"),
    ("Why are crimes cancelled, and after how many days?", "crime.html#codes"),
    ("How many more crimes of a month will be cancelled?", "crime.html#maturity"),
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
