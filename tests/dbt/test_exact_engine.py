"""A session of dbt with which figures would differ ends the build, with what can be done about it."""

from types import SimpleNamespace

import pytest

from tests.dbt.rendering import macros_of


class CompilerError(Exception):
    """What dbt raises."""


def refuse(text: str) -> None:
    raise CompilerError(text)


def require_exact(settings: dict[str, str]) -> None:
    macros = macros_of(
        "spark",
        "require_exact_engine.sql",
        execute=True,
        exceptions=SimpleNamespace(raise_compiler_error=refuse),
        run_query=lambda sql: SimpleNamespace(rows=[(*([""] if sql.startswith("set") else []), settings[sql])]),
    )
    macros["require_exact_engine"]()


EXACT = {"set spark.sql.ansi.enabled": "true", "select current_timezone()": "UTC"}


def test_an_exact_session_builds():
    require_exact(EXACT)


@pytest.mark.parametrize(
    "other", [{"set spark.sql.ansi.enabled": "false"}, {"select current_timezone()": "Europe/London"}]
)
def test_the_message_says_what_to_set_and_which_server_cannot_be_used(other):
    with pytest.raises(CompilerError, match=r"Nothing was built\. Set both for the server; one that obeys .* cannot"):
        require_exact(EXACT | other)
