"""Makes up files, guided by the code that they reach, and reads them. The rules are in `reader_rules.py`.

Usage: `python tests/long/fuzz/fuzz_readers.py csv|xlsx SECONDS [SEED]` or, to repeat one, `... FILE`. Workbooks are
read in this process and not, as in a run, in one apart: coverage is seen only here, and an error that a run would
report as `reader_crashed` shows itself.
"""

from __future__ import annotations

import hashlib
import logging
import random
import secrets
import sys
import tempfile
from pathlib import Path

try:
    import atheris
except ModuleNotFoundError:
    sys.exit("atheris is not installed: make fuzz installs it on Linux on x86-64; there is no other")

with atheris.instrument_imports(include=["dagster_project.extracts"]):
    from tests.long.fuzz import reader_rules
import mutations

KEPT = reader_rules.ROOT / ".fuzz"
"""Files that reached new code, which later runs start from, and those that broke a rule."""
# A reading takes some milliseconds; a run ends a reader that is silent for 8 seconds.
_LONGEST_SECONDS = 8
_MEGABYTES = 2048
_BYTES = {"csv": 4096, "xlsx": 32_768}
_CHANGES = {"csv": mutations.changed_text, "xlsx": mutations.changed_workbook}


def main() -> None:
    """Fuzz one format for some time, or read one file again."""
    what, *rest = sys.argv[1:]
    again = None if what in _CHANGES else Path(what).read_bytes()
    kind = what if again is None else "xlsx" if again.startswith(b"PK") else "csv"
    reader_rules.read_workbooks_here()
    under = reader_rules.contract()
    # Cells that a workbook's reader does not know are told by the thousand.
    logging.disable()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"made_up.{kind}"

        def read(data: bytes) -> None:
            path.write_bytes(data)
            try:
                reader_rules.check(path, under)
            except BaseException as error:
                # Of the parser itself, which a run has in a process apart.
                if type(error).__name__ == "PanicException":
                    return
                if isinstance(error, KeyboardInterrupt):
                    raise
                kept = KEPT / f"broken_{hashlib.sha256(data).hexdigest()[:16]}.{kind}"
                kept.write_bytes(data)
                sys.stderr.write(f"\nBROKEN: make fuzz FUZZ_FILE={kept.relative_to(reader_rules.ROOT)} repeats it\n")
                raise

        def change(data: bytes, most: int, seed: int) -> bytes:
            return _CHANGES[kind](data, most, random.Random(seed), atheris.Mutate)

        corpus = KEPT / kind
        corpus.mkdir(parents=True, exist_ok=True)
        if again is not None:
            read(again)
            sys.stderr.write(f"{what}: every rule holds\n")
            return
        for data in mutations.first_texts() if kind == "csv" else mutations.first_workbooks():
            (corpus / f"first_{hashlib.sha256(data).hexdigest()[:16]}").write_bytes(data)
        seconds = rest[0]
        seed = rest[1] if len(rest) > 1 else str(secrets.randbelow(1 << 31) + 1)
        sys.stderr.write(f"fuzz {kind} for {seconds} seconds; make fuzz FUZZ_SEED={seed} draws the same\n")
        options = {
            "max_total_time": seconds,
            "seed": seed,
            "timeout": _LONGEST_SECONDS,
            "rss_limit_mb": _MEGABYTES,
            "max_len": _BYTES[kind],
            "len_control": 0,
            "verbosity": 0,
            "print_final_stats": 1,
            "artifact_prefix": f"{KEPT}/{kind}_",
        }
        arguments = [sys.argv[0], *(f"-{name}={value}" for name, value in options.items()), str(corpus)]
        atheris.Setup(arguments, read, custom_mutator=change, internal_libfuzzer=True)
        atheris.Fuzz()


if __name__ == "__main__":
    main()
