"""The golden root and what is made of it, for tests of what it publishes."""

from tests.golden.conftest import corrected, marts, sample

__all__ = ["corrected", "marts", "sample"]
