"""200 people in several spellings: only `landing/` and the vault have a value or its pseudonym."""

from __future__ import annotations

import gzip
import hmac
import io
import re
import subprocess
import sys
import zipfile
from base64 import b64decode
from collections.abc import Iterator
from pathlib import Path

import duckdb
import numpy as np

from dagster_project.loading.people import people_for_loading
from dagster_project.privacy.erasure import erase
from dagster_project.privacy.person import Person
from dagster_project.private_key import read_keys
from dagster_project.settings import Settings
from dagster_project.warehouse.connection import loading_connection
from tests.roots import CALLS, CRIMES, DataRoot

PEOPLE = range(200)
# How each kind is spelled; the first, after a prefix, is what is hashed.
PHONES = ("p:", "+44{0}", "0{0}", "{0}.0", "'0{0}", "+44 (0){0}", "0044 {0}", "tel:+44{0}", "0{0} x12", "(0{1}) {2}")
EMAILS = ("e:", "p{3}@quillfeather.example", "P{3}@Quillfeather.EXAMPLE", "p{3} @quillfeather.example")
CRIME_REFS = ("r:kent:", "qzx/{3}/22", "QZX/{3}/22", "QZX/ {3}/22")
OPERATORS = ("o:kent:", "opq-{3}", "OPQ-{3}", "Opq - {3}")
KINDS = (PHONES, EMAILS, CRIME_REFS, OPERATORS)
CONTACTS = "contact_id,contact_type,received_at,linked_reference"
REPORTS = "submission_id,service,started_at,submitted_at,crime_ref"


def spelled(kind: tuple[str, ...], person: int) -> list[str]:
    number = f"7700 900{person:03}"
    parts = (number.replace(" ", ""), *number.split(), f"{person:05}")
    return [form.format(*parts) for form in kind[1:]]


def land(root: DataRoot) -> None:
    for number, day in enumerate(("2022-10-29", "2022-10-30", "2022-10-31")):
        calls, crimes, contacts, reports = [f"{CALLS},operator_id"], [CRIMES], [CONTACTS], [REPORTS]
        for person in PEOPLE:
            drawn = [spelled(kind, person) for kind in KINDS]
            phone, email, reference, operator = (forms[(person + number) % len(forms)] for forms in drawn)
            key, at, contact = f"{number}-{person}", f"{day} {person % 24:02}:00", (phone, email, reference)[person % 3]
            calls.append(f"c{key},1,101,{at},5,answered,60,{phone},{operator}")
            crimes.append(f"{reference},{at},{at},8N,recorded,,")
            contacts.append(f"d{key},email,{at},{'0' if contact.endswith('.0') else ''}{contact}")
            reports.append(f"s{key},report_a_crime,{at},{at},{reference}")
        root.land(f"call_segments_{day}.csv", *calls)
        root.land(f"crimes_{day}.csv", *crimes)
        root.land(f"digital_contacts_{day}.csv", *contacts)
        root.land(f"online_crime_reports_{day}.csv", *reports)


def planted(root: DataRoot) -> tuple[list[str], set[bytes]]:
    """Return every spelling and pseudonym as text, and the bytes of pseudonyms."""
    (key,), texts, raw = read_keys(root.home / "secrets" / "pseudonym.key"), [], set()
    for kind in KINDS:
        for spellings in (spelled(kind, person) for person in PEOPLE):
            digest = hmac.digest(key, f"{kind[0]}{spellings[0]}".encode(), "sha256")[:16]
            texts += [*spellings, digest.hex(), str(int.from_bytes(digest))]
            raw |= {digest, digest[::-1]}
    return texts, raw


def contents(file: Path) -> Iterator[bytes]:
    """Yield the bytes of a file (SQLite compresses nothing), what it has compressed, and its columns as text."""
    yield (content := file.read_bytes())
    yield from (gzip.decompress(b64decode(part)) for part in re.findall(rb"H4sI[A-Za-z0-9+/]{100,}=*", content))
    if zipfile.is_zipfile(file):
        with zipfile.ZipFile(file) as archive:
            yield from map(archive.read, archive.namelist())
    if file.suffix in (".duckdb", ".parquet"):
        with duckdb.connect() as connection:
            if file.suffix == ".duckdb":
                connection.execute(f"attach '{file}' as file (read_only)")
            query = "select concat_ws('.', database_name, schema_name, table_name) from duckdb_tables()"
            for name in [row[0] for row in connection.execute(query).fetchall()] or [f"read_parquet('{file}')"]:
                yield repr(connection.execute(f"select cast(columns(*) as varchar) from {name}").fetchall()).encode()


def found(root: DataRoot, folder: Path) -> list[str]:
    """Return the files below the data root, but of `landing/`, that have a planted value or its pseudonym."""
    (texts, raw), files = planted(root), [path for path in root.home.rglob("*") if path.is_file()]
    (folder / "needles").write_text("\n".join(texts))
    hits, begins = [], np.zeros(1 << 24, bool)
    begins[[int.from_bytes(value[:3], "little") for value in raw]] = True
    for file in sorted(files):
        if file.is_relative_to(root.home / "landing") or file.suffix == ".key":
            continue
        content = b"\n".join(contents(file))
        grep = ["grep", "-aiFof", str(folder / "needles")]
        done = subprocess.run(grep, env={"LC_ALL": "C"}, input=content, capture_output=True, check=False)
        # Of 1,600 pseudonyms, looked for by their first three bytes.
        values = np.frombuffer(content + bytes(3), np.uint8).astype(np.uint32)
        starts = np.flatnonzero(begins[values[:-2] | values[1:-1] << 8 | values[2:] << 16])
        if done.returncode != 1 or any(content[start : start + 16] in raw for start in starts):
            hits.append(f"{file.relative_to(root.home)} {done.stdout[:60]!r}{done.stderr!r}")
    return hits


def test_values_and_pseudonyms_are_only_in_the_vault_and_figures_stay(root, tmp_path, monkeypatch):
    land(root)
    assert root.fcir("run").code == 0
    assert root.warehouse("select count(distinct caller_number) from raw.call_segments") == [(len(PEOPLE),)]
    figures = root.figures()
    assert [hit.split()[0] for hit in found(root, tmp_path)] == ["secrets/people.duckdb"]
    for kind in KINDS:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(spelled(kind, 1)[-1].encode())))
        done = root.fcir("erase", "--yes", "--reason", "case 1")
        assert (done.code, "1 identifier" in done.out) == (0, True), done.out + done.err
    # Everybody else at once, as the command does with one: it takes two seconds.
    settings = Settings(home=root.home, _env_file=None)
    with loading_connection(settings.warehouse) as connection:
        people = people_for_loading(settings, connection)
    with people.opened() as vault:
        names = [spelled(kind, person)[-1] for kind in KINDS for person in PEOPLE]
        every = {item.surrogate: item for name in names for item in vault.find(name, ["kent"]) if not item.erased_at}
    erase(settings, people, Person("", ("kent",), tuple(every.values())), reason="case 2", rows={})
    assert found(root, tmp_path) == []
    assert root.fcir("publish").code == root.fcir("verify").code == 0
    assert root.figures() == figures
    (root.home / "warehouse.duckdb").unlink()
    assert root.fcir("rebuild").code == 0
    assert root.figures() == figures
    assert found(root, tmp_path) == []
