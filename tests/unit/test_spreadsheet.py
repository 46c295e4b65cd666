"""Which cells a spreadsheet would evaluate, and which signed ones are figures."""

from __future__ import annotations

import pytest

from dagster_project.publication.spreadsheet import neutralised


@pytest.mark.parametrize(
    "text",
    [
        "=1+1",
        '=HYPERLINK("https://example.org")',
        "+1+1",
        "-2+3+cmd|' /C calc'!A0",
        "@SUM(1)",
        "\t=1+1",
        "\r=1+1",
        "\n=1+1",
        "\uff1d1+1",
        "\uff0b1",
        "\uff0d1",
        "\uff20SUM(1)",
        "-",
        "+44 7700 900123",
        "-1.2%%",
        "-1m 2s=1",
        "-1\n",
        "-\u0661",
    ],
)
def test_what_a_spreadsheet_would_evaluate_becomes_text(text: str) -> None:
    assert neutralised(text) == f"'{text}"


@pytest.mark.parametrize(
    "text",
    ["", "kent", "a=b", "'=1", "-1", "+1", "-1.25", "-1,234.5", "-1.2%", "-1m 2s", "-2h 3m", "-45s", "-1e-7", "1+1"],
)
def test_words_and_plain_figures_stay_as_they_are(text: str) -> None:
    assert neutralised(text) == text
