"""`letterpress simulate`: a shop with a past to try things out on, and readers for the letters sent to it."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from domain.errors import InputError
from letterpress.instants import instant
from letterpress.output import emit, progress

if TYPE_CHECKING:
    from simulator.replies import Replies
    from simulator.shop import ShopSummary

JSON = Annotated[bool, typer.Option("--json", help="Print one JSON document")]


def app_commands(app: typer.Typer) -> None:
    """Register the commands."""
    simulate = typer.Typer(no_args_is_help=True, rich_markup_mode=None)
    simulate.command()(shop)
    simulate.command()(readers)
    app.add_typer(simulate, name="simulate", help="A simulated shop, and readers of its letters; for trying things out.")


def shop(
    *,
    out: Annotated[Path, typer.Option("--out", help="Folder for its files")],
    recipients: Annotated[int, typer.Option("--recipients", help="How many")] = 20_000,
    weeks: Annotated[int, typer.Option("--weeks", help="Weekly letters in its past")] = 6,
    seed: Annotated[int, typer.Option("--seed", help="Another seed is another shop")] = 1,
    until: Annotated[str | None, typer.Option("--until", help="Where its past ends; last midnight UTC if left out")] = None,
    campaign: Annotated[Path | None, typer.Option("--campaign", help="Campaign folder whose variants its letters had")] = None,
    as_json: JSON = False,
) -> None:
    """Write recipients, past decisions, events and purchases of a simulated shop, ready to import."""
    from delivery.compile import compile_campaign
    from simulator.letters import WEEKLY, surfaces_of
    from simulator.shop import simulate_shop

    end = instant(until) if until else instant(None).replace(hour=0, minute=0, second=0)
    surfaces = surfaces_of(compile_campaign(campaign)) if campaign else WEEKLY
    with progress() as shown:
        bar = shown.add_task("weeks", total=weeks)
        made = simulate_shop(
            out,
            recipients=recipients,
            weeks=weeks,
            seed=seed,
            until=end,
            surfaces=surfaces,
            progress=lambda done, _: shown.update(bar, completed=done),
        )
    emit(made, as_json=as_json, text=lambda: _shop_in_words(made))


def readers(
    send_id: Annotated[str | None, typer.Argument(metavar="SEND", help="A send's id; the latest if left out")] = None,
    shop: Annotated[Path, typer.Option("--shop", help="Folder of the simulated shop, from Letterpress's home")] = Path("var/shop"),
    url: Annotated[str | None, typer.Option("--url", help="Where `letterpress serve` listens; within this process if left out")] = None,
    as_json: JSON = False,
) -> None:
    """Let the simulated recipients of a send read their letters, and click in the web process what they like."""
    from delivery.links import Signer
    from letterpress.send_view import chosen_send
    from runtime.house import shared_house
    from runtime.keys import signing_keys
    from runtime.serving import open_serving
    from simulator.replies import reply
    from web.app import create_app

    house = shared_house()
    send = chosen_send(house, send_id)
    content, decisions = house.contents.load(send.content_version), house.lake.read("decisions", {"send_id": send.send_id})
    signer, web = Signer(signing_keys(house.settings), send.key_id), url or create_app(open_serving(house.settings))
    folder, mailbox = house.settings.home / shop, _mailbox(send.esp)
    found = reply(folder, mailbox, send, content, decisions, signer=signer, web=web, at=instant(None))
    emit(found, as_json=as_json, text=lambda: _replies_in_words(found))


def _mailbox(esp: str) -> Path:
    """The folder that the send was handed off to."""
    if not esp.startswith("folder:"):
        raise InputError(f"the send went to {esp}, not to a folder: there are no letters here to read")
    return Path(esp.removeprefix("folder:"))


def _shop_in_words(made: "ShopSummary") -> str:
    return (
        f"{made.folder}: {made.recipients:,} recipients; {made.letters:,} letters since {made.since:%Y-%m-%d}, "
        f"{made.click_rate:.1%} of them clicked; {made.decisions:,} decisions, {made.events:,} events, {made.purchases:,} purchases"
    )


def _replies_in_words(found: "Replies") -> str:
    bought = f"; {found.purchases:,} purchases: letterpress import purchases {found.purchases_file}" if found.purchases_file else ""
    return (
        f"{found.letters:,} letters of {found.send_id}: {found.opened:,} opened, {found.clicks:,} clicks, "
        f"{found.unsubscribed:,} unsubscribed{bought}"
    )
