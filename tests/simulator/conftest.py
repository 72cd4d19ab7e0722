"""A simulated ESP, one process per session, empty and faultless for each test."""

from collections.abc import Iterator

import pytest

from simulator.esp.handle import SimulatedEsp


@pytest.fixture(scope="session")
def running_esp() -> Iterator[SimulatedEsp]:
    """A server with all its sides."""
    with SimulatedEsp.start(smtp=True, tls=True) as esp:
        yield esp


@pytest.fixture
def esp(running_esp: SimulatedEsp) -> SimulatedEsp:
    """The same one, as if it had just started."""
    running_esp.set_faults("")
    running_esp.set_events(None)
    running_esp.reset()
    return running_esp
