"""What users state in options."""

import pytest

from dagster_project.cli.options import require_reason
from dagster_project.errors import UsageError


@pytest.mark.parametrize(
    "text", ["x\n\n## Warehouse: nothing is held", "\x1b[2J", "a\rb", "a\tb", "a\u2028b", "a\u202eb"]
)
def test_a_reason_is_one_line_that_can_be_printed(text):
    with pytest.raises(UsageError, match=r"line break or another character that cannot be printed.*one line of text"):
        require_reason(text, "request 4712")


def test_a_reason_is_trimmed_and_may_have_any_letter():
    assert require_reason(" Löschung für Fall 4712 / § 17\n", "request 4712") == "Löschung für Fall 4712 / § 17"
