"""Two models side by side, as people read them."""

from collections.abc import Iterator, Sequence

from rich.box import SIMPLE_HEAD
from rich.console import Group
from rich.table import Column, Table
from rich.text import Text

from letterpress.model_diff import Change, Fact, FeatureChanges, MetricPair, ModelDiff

_SMALL = 0.01  # numbers that moved by less than this share are counted, not shown
_MOVED = 0.005  # shares of gain
_MOST = 10


def diff_view(diff: ModelDiff) -> Group:
    """Metrics first: they are what a person chooses by. Then what may have moved them."""
    parts: list[Table | Text] = [Text(f"a  {diff.a}\nb  {diff.b}"), _metrics(diff.metrics), *_notes(diff)]
    for title, changes in (("data", diff.data), ("code", diff.code), ("LightGBM's settings", diff.hyperparameters)):
        parts += _section(title, changes, changes)
    parts += _features(diff.features)
    parts += _section("parameters", [one for one in diff.parameters if not _small(one)], diff.parameters)
    parts += _importances(diff.importances)
    return Group(*parts)


def _metrics(metrics: Sequence[MetricPair]) -> Table:
    table = Table("held-out metrics", *(Column(name, justify="right") for name in ("a", "b", "b − a")), "better", box=SIMPLE_HEAD)
    for one in metrics:
        difference = "" if one.difference is None else f"{one.difference:+.4f}"
        table.add_row(one.metric, _number(one.a), _number(one.b), difference, one.better or "")
    return table


def _notes(diff: ModelDiff) -> Iterator[Text]:
    if not diff.same_held_out:
        yield Text("They were judged on different decisions: part of the difference is one of data. For both on the same decisions:")
        yield Text(f"letterpress evaluate --model {diff.b}\n")


def _section(title: str, shown: Sequence[Change], all_of_them: Sequence[Change]) -> Iterator[Table | Text]:
    """A table of what differs; one line where nothing does."""
    if not all_of_them:
        yield Text(f"{title}: the same")
        return
    if shown:
        yield _changes(title, shown)
    if len(shown) < len(all_of_them):
        yield Text(f"{title}: {len(all_of_them) - len(shown)} more moved by less than {_SMALL:.0%} (--json has them)")


def _changes(title: str, changes: Sequence[Change]) -> Table:
    table = Table(title, Column("a", overflow="fold"), Column("b", overflow="fold"), box=SIMPLE_HEAD)
    for one in changes:
        table.add_row(Text(one.what), Text(_fact(one.a)), Text(_fact(one.b)))
    return table


def _features(found: FeatureChanges) -> Iterator[Text]:
    if not (found.added or found.lost or found.words):
        yield Text("features: the same")
    for what, names in (("added", found.added), ("lost", found.lost)):
        if names:
            yield Text(f"features {what}: {_listed(names)}")
    for one in found.words:
        parts = [f"{what} {_listed(words)}" for what, words in (("new", one.added), ("lost", one.lost)) if words]
        yield Text(f"words of {one.feature}: {'; '.join(parts) or 'in another order'}")


def _importances(moved: Sequence[Change]) -> Iterator[Table | Text]:
    shown = [one for one in moved if abs(float(one.b or 0) - float(one.a or 0)) >= _MOVED][:_MOST]
    if not shown:
        yield Text(f"importances: none moved by {_MOVED:.1%} of the gain or more")
        return
    table = Table("looks at (share of gain)", *(Column(name, justify="right") for name in ("a", "b", "b − a")), box=SIMPLE_HEAD)
    for one in shown:
        a, b = float(one.a or 0), float(one.b or 0)
        table.add_row(Text(one.what), f"{a:.1%}", f"{b:.1%}", f"{b - a:+.1%}")
    yield table


def _small(change: Change) -> bool:
    if not (isinstance(change.a, (int, float)) and isinstance(change.b, (int, float))):
        return False
    return abs(change.b - change.a) < _SMALL * max(abs(change.a), abs(change.b))


def _listed(words: Sequence[str]) -> str:
    more = len(words) - _MOST
    return ", ".join(words[:_MOST]) + (f" and {more} more" if more > 0 else "")


def _fact(value: Fact) -> str:
    if value is None:
        return "-"
    if isinstance(value, float):
        return f"{value:.4g}"
    return f"{value:,}" if isinstance(value, int) else value


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.4f}"
