"""Make up files, guided by the code that they reach, and read them. The rules are in `reader_rules.py`.

Usage: `python -m tests.long.fuzz.fuzz_readers csv|xlsx SECONDS [SEED]` or, to repeat one, `... FILE`. Workbooks are
read in this process and not, as in a run, in one apart: coverage is seen only here, and an error that a run would
report as `reader_crashed` shows itself.
"""

import logging
import random
import secrets
import sys
import tempfile
from pathlib import Path

# It has wheels for Linux on x86-64 alone.
import atheris

with atheris.instrument_imports(include=["dagster_project.extracts"]):
    from dagster_project.contracts.odcs import load_contract
    from dagster_project.extracts import reading
    from dagster_project.extracts.xlsx import XlsxReader
    from dagster_project.settings import CONTRACTS, PROJECT_ROOT
    from tests.long.fuzz import mutations, reader_rules

# Keeps files that reached new code, from which later runs start, and those that broke a rule.
KEPT = PROJECT_ROOT / ".fuzz"
_KINDS = {
    "csv": (4096, mutations.first_texts, mutations.changed_text),
    "xlsx": (32_768, mutations.first_workbooks, mutations.changed_workbook),
}
"""Most bytes of a file, the first files, and how one is changed."""


def main(what: str, seconds: str = "", seed: str = "") -> None:
    """Fuzz one format for some time, or read one file again."""
    is_file = what not in _KINDS
    kind = what if not is_file else "xlsx" if Path(what).read_bytes().startswith(b"PK") else "csv"
    most_bytes, first_files, changed = _KINDS[kind]
    # Here coverage is seen.
    reading.READERS["xlsx"] = XlsxReader
    # Has columns of texts, numbers, durations and times, lists, and a personal one that need not be filled.
    contract = load_contract(CONTRACTS / "call_segments.odcs.yaml")
    # Cells that a workbook's reader does not know are logged by the thousand.
    logging.disable()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"made_up.{kind}"

        def read(data: bytes) -> None:
            path.write_bytes(data)
            try:
                reader_rules.check(path, contract)
            except BaseException as error:
                # Of the parser itself, which a run has in a process apart.
                if type(error).__name__ != "PanicException":
                    raise

        def change(data: bytes, most: int, seed: int) -> bytes:
            return changed(data, most, random.Random(seed), atheris.Mutate)

        corpus = KEPT / kind
        corpus.mkdir(parents=True, exist_ok=True)
        for number, data in enumerate(first_files()):
            (corpus / f"first_{number}").write_bytes(data)
        seed = seed or str(secrets.randbelow(1 << 31) + 1)
        sys.stderr.write(
            f"make fuzz FUZZ_SEED={seed} draws the same, FUZZ_FILE={KEPT.name}/{kind}_crash-... reads one\n"
        )
        # A reading takes some milliseconds; a run ends a reader that is silent for 8 seconds.
        limits = ["-timeout=8", "-rss_limit_mb=2048", f"-max_len={most_bytes}", "-len_control=0", "-verbosity=0"]
        fuzzing = [f"-max_total_time={seconds}", f"-seed={seed}", f"-artifact_prefix={KEPT}/{kind}_", str(corpus)]
        arguments = [sys.argv[0], *limits, *([what] if is_file else fuzzing)]
        atheris.Setup(arguments, read, custom_mutator=change, internal_libfuzzer=True)
        atheris.Fuzz()


if __name__ == "__main__":
    main(*sys.argv[1:])
