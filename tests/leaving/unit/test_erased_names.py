"""The name of a file in the landing folder does not bring an erased person back."""

import pytest

from dagster_project.clock import utc_now
from dagster_project.loading.landing import scan_landing
from dagster_project.loading.suppression import read_suppression, suppress, suppression_key
from dagster_project.privacy import replacing
from dagster_project.privacy.person import landing_files_with
from dagster_project.words import printable
from tests.leaving.unit.erasing_helpers import erase_person
from tests.leaving.unit.loading_helpers import CONTRACTS, row

PERSON = "op-planted-77"


@pytest.fixture
def root(installation, monkeypatch):
    """A data root with a file whose name has a person, who was erased."""
    monkeypatch.setattr(replacing, "orders_of", lambda _: {})
    installation.land("2022-11-01", row("a"), suffix=f"_{PERSON}")
    installation.land("2022-11-02", row("b", day="2022-11-02"), suffix=f"_{PERSON}", header="visit_id,none")
    installation.run()
    erase_person(installation.settings, PERSON)
    return installation


def files_with(root, value):
    home = root.settings.home
    files = [file for file in home.rglob("*") if file.is_file() and root.settings.landing not in file.parents]
    return [file for file in files if value.encode() in file.read_bytes()]


def substitute(root):
    return read_suppression(root.settings.suppression).find(PERSON).substitute


def test_the_next_runs_keep_the_name_with_the_substitute(root):
    assert files_with(root, PERSON) == []
    named = f"visits_2022-11-01_{substitute(root)}.csv"
    root.land("2022-11-03", row("c", day="2022-11-03"))
    report = root.run()
    # A loaded file is not read again, a rejected one is.
    assert [result.extract_date.day for result in report.deliveries] == [2, 3]
    assert files_with(root, PERSON) == []
    assert [path for (path,) in root.query("select path from audit.landed_file") if path.endswith(named)]
    root.land("2022-11-01", row("a"), row("d"), suffix=f"_{PERSON}")
    root.land("2022-11-02", suffix=f"_{PERSON}", text="")
    report = root.run()
    assert len(report.deliveries) == 2
    assert PERSON not in str(report)
    assert files_with(root, PERSON) == []
    names = root.query("select distinct file_name from audit.load where extract_date = '2022-11-01'")
    assert names == [(named,)]


def test_columns_and_reasons_have_the_substitute(root):
    root.land("2022-11-03", f"{row('c', day='2022-11-03')},x", header=f"{root._header},{PERSON}")
    root.land("2022-11-04", suffix=f"_{PERSON}", text="")
    report = root.run()
    assert PERSON not in str(report)
    assert substitute(root) in str(report)
    assert files_with(root, PERSON) == []


@pytest.mark.parametrize("blank", ["\u00a0", "\u2003", "\u202f", "\x85"])
@pytest.mark.parametrize("identifier", ["OP-7712-AB", "AB 7712 XY"])
def test_names_with_blanks_that_messages_escape_have_the_substitute(installation, monkeypatch, blank, identifier):
    monkeypatch.setattr(replacing, "orders_of", lambda _: {})
    spelled = identifier.replace(" ", blank)
    header = f"{installation._header},Caller{blank}{spelled}"
    installation.land("2022-11-01", f"{row('a')},x", header=header, suffix=f"_{blank}{spelled}")
    installation.run()
    escaped = printable(spelled)
    assert files_with(installation, escaped)
    erase_person(installation.settings, identifier)
    assert files_with(installation, escaped) == []
    installation.land("2022-11-03", f"{row('c', day='2022-11-03')},x", header=header, suffix=f"_{blank}{spelled}")
    installation.run()
    assert files_with(installation, escaped) == files_with(installation, spelled) == []


def test_warnings_of_the_landing_folder_have_the_substitute(root):
    (root.settings.landing / "visits" / f"{PERSON}.txt").touch()
    landing = scan_landing(root.settings, CONTRACTS, quiet_seconds=0.0)
    assert PERSON not in str(landing.warnings)
    assert substitute(root) in str(landing.warnings)


def test_files_named_after_a_person_are_found(root):
    found = landing_files_with(root.settings, CONTRACTS, PERSON)
    assert found.rows == {"visits/visits_2022-11-01_....csv": 1, "visits/visits_2022-11-02_....csv": 1}


@pytest.mark.parametrize(
    ("text", "hidden"),
    [
        ("a_op-77x.csv", "a_{}.csv"),
        ("op-77x op-77x", "{} {}"),
        ("op-77xy, aop-77x", "op-77xy, aop-77x"),
        ("46/777777/22.csv", "{}.csv"),
        ("crimes of an op-77", "crimes of an op-77"),
        ("visits_+447700900123.csv", "visits_{}.csv"),
        ("visits_(01622) 690690.csv", "visits_{}.csv"),
        ("a @op1234, @op1234#.csv", "a @op1234, {}.csv"),
        ("by\u00a0op-77x, by\u00a0(01622)\u202f690690", "by\u00a0{}, by\u00a0{}"),
        (r"by\xa0op-77x, by\u2003(01622)\xa0\xa0690690", r"by\xa0{}, by\u2003{}"),
        ("", ""),
    ],
)
def test_identifiers_are_replaced_as_whole_words(tmp_path, text, hidden):
    for identifier in ("op-77x", "46/777777/22", "crimes", "op-77", "+447700900123", "(01622) 690690", "@op1234#"):
        suppress(tmp_path, suppression_key(tmp_path).pseudonym(identifier), "substitute", utc_now())
    assert read_suppression(tmp_path).hidden_in(text) == hidden.format("substitute", "substitute")


class Sliced(str):
    """A text that adds up the lengths of the slices that are taken of it."""

    __slots__ = ("sliced",)

    def __getitem__(self, key):
        part = super().__getitem__(key)
        self.sliced = getattr(self, "sliced", 0) + len(part)
        return part


def test_a_long_text_is_read_piece_by_piece(tmp_path):
    for identifier in ("op-77x", "(01622) 690690", "@op1234#"):
        suppress(tmp_path, suppression_key(tmp_path).pseudonym(identifier), "substitute", utc_now())
    suppression = read_suppression(tmp_path)
    piece = "seen: op-77x; by telephone (01622) 690690, (of @op1234#, ...) a word; a word, a word and others\n"
    hidden = suppression.hidden_in(piece)
    assert hidden.count("substitute") == 3
    long = Sliced(piece * 50)
    assert suppression.hidden_in(long) == hidden * 50
    # Up to eight words are read from each word on: 58 characters for each; with all that follows it is 3,000.
    assert long.sliced < 100 * len(long)
