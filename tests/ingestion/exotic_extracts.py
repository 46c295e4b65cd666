"""Extracts without faults in every allowed form, each with many harmless kinds."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta
from itertools import cycle, product

from tests.ingestion.mutation_kinds import KINDS, Kind
from tests.ingestion.stacked_mutations import FIRST_DAY
from tests.reference.drafts import CSV, CSV_GZ, JSONL, PARQUET, SOURCES, XLSX, Draft, Drawer, Misfit

PLAIN = ""
ENCODINGS = (PLAIN, "byte_order_mark", "utf_16_little_endian", "utf_16_big_endian", "windows_1252")
DELIMITERS = (PLAIN, "semicolons", "tabs", "pipes")
LINE_ENDS = (PLAIN, "line_ends_of_windows", "carriage_returns", "line_ends_of_all_kinds")
QUOTES = ("as needed", "some", "all")
NAMES = (PLAIN, "headings_in_another_spelling", "heading_by_an_alias", "headings_over_two_lines")
ORDERS = (
    PLAIN,
    "columns_in_another_order",
    "added_column_with_personal_data",
    "added_column_without_a_heading",
    "dropped_optional_column",
    "many_unknown_columns",
)
ABOVE = (PLAIN, "preamble", "long_preamble", "blank_lines_above_the_header")
BELOW = (
    PLAIN,
    PLAIN,
    "totals_row",
    "totals_row_behind_blank_cells",
    "totals_row_before_blank_lines",
    "no_line_end_at_the_end",
)
BETWEEN = (PLAIN, "blank_lines", "lines_of_spaces", "lines_of_delimiters", "rows_far_below")
SHEETS = (
    PLAIN,
    "other_sheets",
    "sheet_of_a_chart",
    "filters_panes_and_remarks",
    "formats_of_whole_columns",
    "hidden_columns",
    "empty_columns_to_the_left",
)
TITLES = (PLAIN, "merged_title_rows", "hidden_title_rows", "preamble")
CELLS = (
    "leap_day",
    "old_time",
    "offsets_of_all_spellings",
    "fractions_of_a_second",
    "serial_number_as_text",
    "hour_that_occurs_twice",
    "doubled_hour_with_an_offset",
    "doubled_hour_with_the_offset_column",
    "doubled_hour_settled_by_the_start",
    "doubled_hour_left_open_by_the_start",
    "doubled_hour_of_start_and_follower",
    "edges_of_the_clock_changes",
    "times_that_are_equal",
    "null_words_in_an_optional_cell",
    "closed_list_in_another_case",
    "thousands_separators",
    "durations_in_words_and_clocks",
    "yes_and_no_in_all_spellings",
    "date_in_all_spellings",
    "spaces_of_all_kinds_around_cells",
    "emoji",
    "control_characters",
    "line_separators_of_unicode",
    "text_that_looks_like_a_formula",
    "text_that_looks_like_sql_or_markup",
    "personal_cell_with_signs",
    "same_person_twice",
    "serial_number_cell",
    "midnight_in_a_date_cell",
    "date_cell_in_an_odd_format",
    "day_fractions",
    "duration_cell_of_a_day",
    "error_cells_that_mean_no_value",
    "formula_with_its_value",
    "identifier_as_a_number",
    "number_under_a_format_without_time",
    "text_in_two_fonts",
    "line_end_in_a_sheet_cell",
    "force_in_another_case",
    "force_left_empty",
    "empty_cells_at_the_end",
    "quote_in_the_middle_of_a_cell",
    "quoted_line_end",
    "quoted_line_ends_over_blocks",
    "quoted_delimiter",
    "doubled_quotes",
    "text_that_begins_like_a_total",
    "optional_key_left_out",
    "keys_in_another_order",
)
PARQUET_TIMES = (
    PLAIN,
    "parquet_times_with_a_zone",
    "parquet_times_of_nanoseconds",
    "parquet_times_of_96_bits",
    "parquet_times_for_dates",
    "parquet_times_in_the_doubled_hour",
)
PARQUET_NUMBERS = (
    PLAIN,
    "parquet_decimals",
    "parquet_durations",
    "parquet_integers_as_floats",
    "parquet_times_of_day_for_durations",
)
PARQUET_TEXTS = (
    PLAIN,
    "parquet_identifiers_as_numbers",
    "parquet_dictionaries",
    "parquet_large_and_binary_texts",
    "parquet_column_of_nothing",
)
COUNTED = (PLAIN, "days_counted_from_1904")
DRAWN = (NAMES, ORDERS, ABOVE, BELOW, BETWEEN)
MOMENTS = ("iso_z", "iso_offset", "iso_local", "british", "serial")
DURATIONS = ("plain", "clock", "words")


def exotic_extracts(seed: int) -> list[Draft]:
    """Draw the extracts: delimited text in every combination of what its bytes can be, the other forms likewise.

    What does not meet in a combination (names, order, rows above and below, spelling of values) is drawn.
    """
    drawer = Drawer(seed)
    days = dict.fromkeys(SOURCES, FIRST_DAY)
    sources = cycle(SOURCES)
    drafts = []
    for form, quotes, names in _combinations():
        # Durations stand in one source only.
        source = "call_segments" if set(names) & set(PARQUET_NUMBERS[1:]) else next(sources)
        draft = drawer.draft(source, form, days[source])
        days[source] += timedelta(days=1)
        _dress(draft, quotes, names)
        drafts.append(draft)
    return drafts


def _combinations() -> Iterator[tuple[str, str, tuple[str, ...]]]:
    """Yield form, quotes and the kinds to combine."""
    for form, encoding, delimiter, ends, quotes in product((CSV, CSV_GZ), ENCODINGS, DELIMITERS, LINE_ENDS, QUOTES):
        yield form, quotes, (encoding, delimiter, ends)
    for sheets, titles, counted in product(SHEETS, TITLES, COUNTED):
        yield XLSX, "", (sheets, titles, counted)
    for encoding, ends in product(ENCODINGS, LINE_ENDS):
        yield JSONL, "", (encoding, ends)
    for times, numbers, texts in product(PARQUET_TIMES, PARQUET_NUMBERS, PARQUET_TEXTS):
        yield PARQUET, "", (times, numbers, texts, "parquet_packed_otherwise")


def _dress(draft: Draft, quotes: str, names: tuple[str, ...]) -> None:
    """Apply harmless kinds: the given ones, and drawn ones that they do not exclude."""
    draft.quoting, draft.is_to_load = quotes, True
    if draft.form in (CSV, CSV_GZ, JSONL):
        draft.moments = draft.rng.choice(MOMENTS)
    draft.seconds = draft.rng.choice(DURATIONS)
    drawn = [draft.rng.choice(axis) for axis in DRAWN]
    # A column of a Parquet file has one type, which a faulty cell would change.
    drawn += draft.rng.sample(CELLS, 2 if draft.form == PARQUET else 6)
    chosen: list[Kind] = []
    taken: set[str] = set()
    for name in (*names, *drawn):
        kind = KINDS.get(name)
        if kind and kind.fits(draft) and not kind.slots & taken:
            chosen.append(kind)
            taken |= kind.slots
    for kind in sorted(chosen, key=lambda each: each.layer):
        with suppress(Misfit):
            kind.apply(draft)
            draft.kinds.append(kind.name)
