"""What `letterpress why` tells people."""

from collections.abc import Iterator

import numpy as np
from rich.console import Group
from rich.table import Column, Table
from rich.text import Text

from letterpress.choices import Candidate, Choice
from letterpress.explanation import Why
from ranking.scoring.reasons import percent

_TOLD, _MOST = 0.005, 8  # effects under half a per cent, and those beyond the eighth, are told together


def why_view(why: Why) -> Group:
    """The whole explanation, placement by placement."""
    head = [f"{why.recipient_id} in {why.send_id}", f"as of {why.as_of:%Y-%m-%d %H:%M:%S %Z}, content {why.content_version}"]
    head.append(f"model {why.model_version or 'none: uniform choice'}, arm {why.arm or '-'}")
    if why.exclusion:
        return Group(*map(_line, head), f"nothing was decided: {why.exclusion}" if why.on_page else f"not written to: {why.exclusion}")
    placements = dict.fromkeys(one.placement for one in why.candidates)
    parts = (part for name in placements for part in _placement(name, why))
    return Group(*map(_line, head), *parts, _line(_message_line(why)))


def _placement(name: str, why: Why) -> Iterator[Table | Text]:
    """A placement's candidates, then how its winner was chosen and what the model saw in it."""
    yield _candidates(name, [one for one in why.candidates if one.placement == name])
    for choice in (one for one in why.choices if one.placement == name):
        yield _line(f"{choice.winner}: {choice.how}")
        if choice.runner_up and choice.log_rate_difference is not None:
            yield _line(f"rated {percent(choice.log_rate_difference)} beside {choice.runner_up}, because (effects multiply):")
            yield reasons_of(choice)


def _candidates(name: str, candidates: list[Candidate]) -> Table:
    """What was chosen first."""
    rows = Table(Column(name, no_wrap=True), box=None, title_justify="left")
    for heading in ("position", "score", "propensity", "prefix"):
        rows.add_column(heading, justify="right")
    rows.add_column("why not", overflow="fold")
    for one in sorted(candidates, key=lambda one: (one.position or len(candidates) + 1, -(one.score or 0.0))):
        numbers = (_number(one.score), _number(one.propensity), _number(one.prefix_propensity))
        rows.add_row(_line(one.variant), str(one.position or ""), *numbers, _line(one.excluded or _price(one)))
    return rows


def _price(one: Candidate) -> str:
    """What its scarcity cost it: the factor on its weight."""
    return "" if one.price is None else f"there are only so many: its chances were divided by {np.exp(one.price):.3g}"


def reasons_of(choice: Choice) -> Table:
    """What matters, the largest effect first; the many small ones in one line."""
    rows = Table(Column(justify="right", no_wrap=True), Column(overflow="fold"), box=None, show_header=False)
    told = [one for one in choice.reasons if abs(one.contribution.effect) >= _TOLD][:_MOST]
    for one in told:
        rows.add_row(one.change, _line(one.words))
    rest = [one.contribution.effect for one in choice.reasons[len(told) :]]
    if rest:
        rows.add_row(percent(sum(rest)), "everything else together" if told else "everything together")
    return rows


def _message_line(why: Why) -> str:
    if why.on_page:
        return "pages show it for as long as it holds; nothing of it is handed off"
    if why.message is None:
        return "the ledger has no message: it was not handed off yet"
    told = f"message {why.message.message_id}: {why.message.status}" + (f" ({why.message.reason})" if why.message.reason else "")
    if why.same_bytes is None:
        return told
    return told + ("; printed again, it is the same byte for byte" if why.same_bytes else "; PRINTED AGAIN, IT DIFFERS")


def _line(text: str) -> Text:
    """As it stands: square brackets in ids and conditions are no markup."""
    return Text(text)


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.4f}"
