"""A model knows the code it was trained by."""

from importlib.metadata import version

from ranking.code_version import code_version
from ranking.training.preparation import request_for
from tests.ranking.world import NOW


def test_the_code_is_known_beyond_its_version() -> None:
    """Between two releases the code changes and the version does not: the card has a digest of the sources as well."""
    release, _, sources = code_version().partition("+")
    assert release == version("letterpress")
    assert len(sources) == 12
    assert request_for(None, {}, NOW).code_version == code_version()
