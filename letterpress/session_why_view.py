"""What `letterpress why` tells people of a decision within a session."""

from collections.abc import Iterator

from rich.console import Group
from rich.table import Column, Table
from rich.text import Text

from letterpress.session_why import Favourites, SessionWhy, ToldAct
from letterpress.why_view import reasons_of
from ranking.scoring.reasons import percent

_MOST = 10  # acts that are told one by one
_WORDS = {
    "page_viewed": "looked at something",
    "searched": "searched",
    "added_to_cart": "put something into the cart",
    "removed_from_cart": "took something out of the cart",
    "cart_viewed": "looked at the cart",
    "added_to_wishlist": "put something on the wishlist",
    "dwelled": "stayed on a page",
    "scrolled": "scrolled",
    "purchased": "bought",
}


def session_why_view(why: SessionWhy) -> Group:
    """The whole explanation: what was done, what it outweighed, and why the winner won."""
    head = [
        f"{why.recipient_id} in {why.send_id}: decided again within a session, on top of {why.refresh}",
        f"as of {why.as_of:%Y-%m-%d %H:%M:%S %Z}, model {why.model_version}, arm {why.arm or '-'}",
    ]
    acts = [_act(act) for act in why.acts[:_MOST]]
    if len(why.acts) > _MOST:
        acts.append(f"  and {len(why.acts) - _MOST} acts before")
    interest = ", ".join(f"{category} {share:.0%}" for category, share in sorted(why.interest.items(), key=lambda pair: -pair[1]))
    lines = [*head, "what they did, the latest first:", *acts, f"interest in this session: {interest or 'in nothing that is known'}"]
    parts = (part for one in why.favourites for part in _placement(one, why))
    return Group(*map(Text, lines), *parts)


def _act(act: ToldAct) -> str:
    told = f" {act.query!r}" if act.query else ""
    about = f", which is about {act.about}" if act.about else ""
    return f"  {act.minutes_before:.1f} min before: {_WORDS.get(act.kind, act.kind)}{told}{about}"


def _placement(one: Favourites, why: SessionWhy) -> Iterator[Table | Text]:
    rows = Table(Column(one.placement, no_wrap=True), box=None, title_justify="left")
    for heading in ("position", "without", "with session", "propensity"):
        rows.add_column(heading, justify="right")
    rows.add_column("why not", overflow="fold")
    for each in sorted((each for each in why.candidates if each.placement == one.placement), key=lambda each: -(each.score or 0.0)):
        before = why.without[f"{each.placement}/{each.variant}"]
        numbers = (f"{before:.4f}", f"{each.score or 0.0:.4f}", "" if each.propensity is None else f"{each.propensity:.4f}")
        rows.add_row(Text(each.variant), str(each.position or ""), *numbers, Text(each.excluded or ""))
    yield rows
    yield Text(_outcome(one))
    for choice in (choice for choice in why.choices if choice.placement == one.placement):
        yield Text(f"{choice.winner}: {choice.how}")
        if choice.runner_up and choice.log_rate_difference is not None:
            yield Text(f"rated {percent(choice.log_rate_difference)} beside {choice.runner_up}, because (effects multiply):")
            yield reasons_of(choice)


def _outcome(one: Favourites) -> str:
    if not one.overridden:
        return f"with the session as without, {one.with_session} scores highest"
    return (
        f"the session outweighs what was known before: without it {one.without_session} scores highest "
        f"({one.scores_without[0]:.4f}, {one.with_session} {one.scores_without[1]:.4f}), with it {one.with_session} "
        f"({one.scores_with[1]:.4f}, {one.without_session} {one.scores_with[0]:.4f})"
    )
