"""One system and one browser for all tests of the dashboard."""

from collections.abc import Iterator

import pytest

from tests.dashboard.stage import Stage, open_stage


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """A running system, for one file: an open Playwright keeps an event loop running, over which others stumble."""
    with open_stage(tmp_path_factory.mktemp("dashboard")) as stage:
        yield stage
