"""One system and one browser for all tests of the dashboard."""

from collections.abc import Iterator

import pytest

from tests.dashboard.stage import Stage, open_stage


@pytest.fixture(scope="session")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """A running system, which the tests share."""
    with open_stage(tmp_path_factory.mktemp("dashboard")) as stage:
        yield stage
