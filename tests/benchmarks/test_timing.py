"""What is compared runs in turns, and medians are told."""

from benchmarks.timing import Stopwatch, in_turns


def test_everybody_runs_in_every_round_and_medians_come_out() -> None:
    """A, B, A, B, …; one slow round does not show in the median."""
    order: list[tuple[str, int]] = []

    def contestant(name: str, seconds: list[float]) -> "object":
        def run(number: int) -> float:
            order.append((name, number))
            return seconds[number]

        return run

    found = in_turns({"a": contestant("a", [1.0, 9.0, 2.0]), "b": contestant("b", [3.0, 3.0, 4.0])}, 3)  # type: ignore[dict-item]
    assert found == {"a": 2.0, "b": 3.0}
    assert order == [(name, number) for number in range(3) for name in ("a", "b")]


def test_a_stopwatch_adds_up_by_name() -> None:
    """Two blocks of one name are one figure."""
    watch = Stopwatch()
    for name in ("open", "send", "open"):
        with watch.timing(name):
            pass
    assert list(watch.seconds) == ["open", "send"] and min(watch.seconds.values()) >= 0
