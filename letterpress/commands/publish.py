"""`letterpress publish`, `withdraw` and `content`: what pages show of a campaign."""

from typing import TYPE_CHECKING, Annotated

import typer

from letterpress.output import emit, progress

if TYPE_CHECKING:
    from collections.abc import Iterator

    from domain.variant_state import VariantKey
    from flows.show_content import ContentStanding, VariantStanding

JSON = Annotated[bool, typer.Option("--json", help="Print one JSON document")]
CampaignArgument = Annotated[str, typer.Argument(help="The campaign's folder name")]
_WORST = 2  # what a command ends with when something we stand on does not answer as it should


def app_commands(app: typer.Typer) -> None:
    """Register the commands."""
    for command in (publish, withdraw, content):
        app.command()(command)


def publish(
    campaign: CampaignArgument,
    again: Annotated[
        list[str] | None, typer.Option(metavar="PLACEMENT/VARIANT", help="Bring a withdrawn variant back; may be repeated")
    ] = None,
    as_json: JSON = False,
) -> None:
    """Publish variants for pages: write them, fetch them through the CDN's address until they come out right, then let them be chosen.

    Ends with 2 when any does not come out; those that did are published, and repeating does what is left.
    """
    from flows.publish_content import outside_of, publishable, published
    from runtime.house import shared_house

    house = shared_house()
    compiled = publishable(house, campaign)
    back = [_key(name, compiled.campaign.campaign) for name in again or ()]
    with progress() as shown:
        bar = shown.add_task("publishing", total=None)
        found = published(house, compiled, outside_of(house), back, lambda done, of: shown.update(bar, completed=done, total=of))
    emit(found, as_json=as_json, text=lambda: _shown(found))
    if found.failed:
        raise typer.Exit(_WORST)


def withdraw(
    campaign: CampaignArgument,
    placement: Annotated[str, typer.Argument(help="Such as home_hero")],
    variant: Annotated[str, typer.Argument(help="Such as spring-sale")],
    *,
    because: Annotated[str, typer.Option(help="Why; it is written down")],
    by: Annotated[str | None, typer.Option(metavar="NAME", help="Who does it; LETTERPRESS_BY or the system's user if left out")] = None,
    as_json: JSON = False,
) -> None:
    """Withdraw a variant: nobody is decided for it from now on, pages show the default in its place, and its file goes after a while."""
    from domain.ids import PlacementId, VariantId
    from flows.withdraw_content import withdrawn
    from runtime.house import shared_house
    from runtime.people import who

    house = shared_house()
    step = withdrawn(house, campaign, (PlacementId(placement), VariantId(variant)), because, who(by))
    said = f"{step.placement}/{step.variant} is withdrawn since {step.at:%Y-%m-%d %H:%M} UTC: {step.reason}"
    grace = house.settings.content_grace_minutes
    later = f"its file goes with the first `letterpress publish {campaign}` after {grace} minutes"
    emit(step, as_json=as_json, text=lambda: f"{said}\n{later}")


def content(campaign: CampaignArgument, as_json: JSON = False) -> None:
    """Which variants pages show, which may be chosen, and why the others may not."""
    from flows.publish_content import publishable
    from flows.show_content import content_standing
    from runtime.clock import now
    from runtime.house import shared_house

    house = shared_house()
    found = content_standing(house, publishable(house, campaign), now())
    emit(found, as_json=as_json, text=lambda: _shown(found))


def _key(name: str, campaign: str) -> "VariantKey":
    from domain.errors import InputError
    from domain.ids import PlacementId, VariantId

    placement, _, variant = name.partition("/")
    if not placement or not variant:
        raise InputError(f"{name!r} names no variant", where="--again", hint="write it as home_hero/spring-sale")
    full = placement if placement.startswith(f"{campaign}.") else f"{campaign}.{placement}"
    return PlacementId(full), VariantId(variant)


def _shown(found: "ContentStanding") -> str:
    """A line each: the variant, how it stands, why it may not be chosen, and where pages fetch what is shown of it."""
    width = max(len(f"{one.placement}/{one.variant}") for one in found.variants)
    lines = [f"{f'{one.placement}/{one.variant}':<{width}}  {_words(one)}" for one in found.variants]
    return "\n".join([*lines, *_notes(found)])


def _words(one: "VariantStanding") -> str:
    shown = f"pages show {one.url}" if one.url else "pages do not show it"
    return f"published  {one.url}" if one.chosen else f"{one.reason or one.state}; {shown}"


def _notes(found: "ContentStanding") -> "Iterator[str]":
    ready = sum(one.chosen for one in found.combinations)
    if found.combinations:
        yield f"combinations: {ready:,} of {len(found.combinations):,} are published"
    yield from (f"{one.placement}/{one.variant}: {one.reason}" for one in found.combinations if _failed(one))
    yield from (f"{name} is not in the campaign's folder any more, and pages still show it: letterpress withdraw" for name in found.strays)
    yield from found.faults
    if any("nothing answers" in one.reason for one in found.variants if _failed(one)):
        yield f"nothing answers at {found.address}: is `letterpress serve` running, and content_public_url right?"


def _failed(one: "VariantStanding") -> bool:
    return one.state == "failed"
