"""Fixtures that several tests of publication share."""

import duckdb
import pytest


@pytest.fixture
def marts():
    """A database with an empty schema of marts."""
    with duckdb.connect() as connection:
        connection.execute("create schema marts")
        yield connection
