"""Fixtures that several tests of publication share."""

import duckdb
import pytest


@pytest.fixture
def marts():
    with duckdb.connect() as connection:
        connection.execute("create schema marts")
        yield connection
