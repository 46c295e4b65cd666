"""The draft of a whole contract, for a source that is not shipped."""

from itertools import cycle

from dagster_project.cli.app import run_command
from dagster_project.config import contracts_of
from dagster_project.config.draft import draft
from dagster_project.loading.dry_run import check_deliveries
from dagster_project.settings import Settings
from tests.unit.config.test_draft import PERSONAL, configured


def test_the_contract_of_a_new_source_is_drafted_whole(tmp_path, monkeypatch, capsys):
    path = tmp_path / "visits_2022-10-14.csv"
    lines = ["Ticket No,Station,Arrived,Dealt With,Visitor,Fee,Items,Staff Time,Comments,Force,Left"]
    cells = zip(range(60), cycle(["Ashford", "Maidstone"]), cycle(PERSONAL[:2]), cycle(PERSONAL), strict=False)
    for n, at, officer, person in cells:
        visit = f"A{n},{at},14/10/2022 09:{n:02},{officer},{person},{n}.50,{n % 5},0:{n:02},{person} {n},Kent"
        lines.append(f"{visit},{1665748800 + n}")
    path.write_text("\n".join([*lines, ""]))
    monkeypatch.setenv("FCIR_HOME", str(tmp_path))
    arguments = ["contract", "draft", "visits", str(path)]
    assert (run_command(arguments), run_command([*arguments, "--write"])) == (0, 0)
    printed = capsys.readouterr().out
    assert not [text for text in PERSONAL if text in printed]
    settings = Settings(home=tmp_path, _env_file=None)
    contract = contracts_of(settings)["visits"]
    kinds = ["personal" if column.is_personal else column.cell_type.value for column in contract.columns]
    expected = "text text timestamp personal personal decimal integer seconds personal text timestamp"
    assert (kinds, contract.columns[-2].name) == (expected.split(), "force_code")
    assert ([column.name for column in contract.key], contract.start_column) == (["ticket_no"], "arrived")
    assert [item.verdict.is_accepted for item in check_deliveries(settings, contract, [path], shown=0)] == [True]


def test_the_draft_of_a_new_source_loads_where_two_headings_could_be_one_column(tmp_path):
    path = tmp_path / "visits_2022-10-14.csv"
    rows = [f"t{n},14/10/2022,14/10/2022,10:{n},14/10/2022 10:{n}" for n in range(10, 50)]
    path.write_text("\n".join(["Ticket No,Date,Left Date,Time,Datetime", *rows, ""]))
    [delivery] = check_deliveries(*configured(tmp_path, draft("visits", [path], None)), [path], shown=9)
    assert (delivery.files[0].load.rows_loaded, delivery.verdict.is_accepted) == (40, True), delivery.files[0].rows
