"""Fixtures that the tests of publication share."""

import duckdb
import pytest

from dagster_project.publication.rendering import Renderer


@pytest.fixture
def marts():
    with duckdb.connect() as connection:
        connection.execute("create schema marts")
        yield connection


@pytest.fixture
def renderer():
    with Renderer() as renderer:
        yield renderer
