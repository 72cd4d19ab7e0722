"""The printing benchmark, in small."""

from benchmarks.compose import COMBINATIONS, job, join_all, measured


def test_the_letters_are_as_a_send_prints_them() -> None:
    """Some 40 kB each, in sixty bodies that stand one after the other, with every address once."""
    letters = list(job(120))
    bodies = [letter.body_hash for letter in letters]
    assert len(set(bodies)) == COMBINATIONS
    assert [len(set(bodies[: 2 * n])) for n in (1, 10, 60)] == [1, 10, 60]
    assert all(30_000 < letter.size < 60_000 for letter in letters)
    assert len({letter.address for letter in letters}) == len(letters)


def test_figures_belong_together() -> None:
    """The ratio is that of the two figures; a letter has eleven links, and a value for each place of one and more."""
    found = measured(120, 1)
    figures, sizes = found.figures, found.sizes
    assert isinstance(figures["us_per_message"], float) and isinstance(figures["floor_us"], float)
    assert figures["ratio"] == figures["us_per_message"] / figures["floor_us"]
    assert sizes["signed_links"] == 11
    assert isinstance(sizes["values_per_letter"], float) and sizes["values_per_letter"] >= 22


def test_the_floor_joins_what_the_letters_say() -> None:
    """As many characters as there are in texts and escaped values."""
    assert join_all([(("a", "b", "c"), ("<", "x"))]) == len("a&lt;bxc")
