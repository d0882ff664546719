"""What the programs of a failing test printed last; for the parts that start programs.

Their ``conftest.py`` imports the hook and the fixture.
"""

from collections.abc import Callable, Iterable, Iterator

import pytest

from demo.processes import Child

LINES = 200
"""Of each program; a Home Assistant that is busy with several meshes writes twenty a second."""

_CHILDREN: pytest.StashKey[list[Child]] = pytest.StashKey()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    report = yield
    if report.failed:
        for child in item.config.stash.get(_CHILDREN, ()):
            report.sections.append((f"output of {child.name}", child.tail(LINES)))
    return report


@pytest.fixture(scope="session")
def watch(pytestconfig: pytest.Config) -> Callable[[Iterable[Child]], None]:
    """Show the output of these programs when a test fails."""
    return pytestconfig.stash.setdefault(_CHILDREN, []).extend
