"""The code location for the tests of what Dagster shows."""

from collections.abc import Callable, Iterator

import dagster as dg
import pytest

from dagster_project.definitions import definitions as load_definitions
from dagster_project.settings import Settings, read_settings
from tests.roots import DataRoot
from tests.troubled import land_first_night


def use(patch: pytest.MonkeyPatch, root: DataRoot) -> Settings:
    """Make a data root that of this process; return its settings."""
    patch.chdir(root.home)
    for name in ("FCIR_FORCE", "FCIR_SITE_URL"):
        patch.delenv(name, raising=False)
    for name, value in {"FCIR_HOME": root.home, "DAGSTER_HOME": root.home / "dagster", **root.settings}.items():
        patch.setenv(name, str(value))
    return read_settings()


@pytest.fixture
def enter(monkeypatch: pytest.MonkeyPatch) -> Callable[[DataRoot], Settings]:
    """Return a function that makes a data root that of this process during the test."""
    return lambda root: use(monkeypatch, root)


@pytest.fixture(scope="session")
def definitions(parsed_project, tmp_path_factory) -> Iterator[dg.Definitions]:
    """The code location over the deliveries of the root `troubled`, loaded before there is a warehouse."""
    root = DataRoot.knowing(parsed_project, tmp_path_factory.mktemp("location") / "home")
    land_first_night(root)
    with pytest.MonkeyPatch.context() as patch:
        use(patch, root)
        yield load_definitions()
