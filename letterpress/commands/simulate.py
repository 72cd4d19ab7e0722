"""`letterpress simulate`: a shop with a past, readers of its letters, an ESP that fails as asked, and the shop's pages; to try out."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from domain.errors import InputError
from letterpress.instants import instant
from letterpress.output import emit, progress

if TYPE_CHECKING:
    from simulator.esp.server import Addresses
    from simulator.replies import Replies
    from simulator.shop import ShopSummary

JSON = Annotated[bool, typer.Option("--json", help="Print one JSON document")]


def app_commands(app: typer.Typer) -> None:
    """Register the commands."""
    simulate = typer.Typer(no_args_is_help=True, rich_markup_mode=None)
    simulate.command()(shop)
    simulate.command()(readers)
    simulate.command()(esp)
    simulate.command()(visits)
    simulate.command()(storefront)
    app.add_typer(simulate, name="simulate", help="A simulated shop, its pages, readers of its letters, and an ESP; for trying things out.")


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
    *,
    scanners: Annotated[bool, typer.Option("--scanners", help="Let mail scanners follow links too, for 15 % of the letters")] = False,
    as_json: JSON = False,
) -> None:
    """Let the simulated recipients of a send read their letters, and click in the web process what they like."""
    from delivery.links import Signer
    from letterpress.send_view import chosen_send
    from runtime.house import shared_house
    from runtime.keys import signing_keys
    from runtime.serving import open_serving
    from simulator.mailboxes import Town
    from simulator.replies import reply
    from web.app import create_app

    house = shared_house()
    send = chosen_send(house, send_id)
    content, decisions = house.contents.load(send.content_version), house.lake.read("decisions", {"send_id": send.send_id})
    signer, web = Signer(signing_keys(house.settings), send.key_id), url or create_app(open_serving(house.settings))
    folder, mailbox = house.settings.home / shop, _mailbox(send.esp)
    found = reply(folder, mailbox, send, content, decisions, signer=signer, web=web, at=instant(None), town=Town() if scanners else None)
    emit(found, as_json=as_json, text=lambda: _replies_in_words(found))


def esp(
    *,
    port: Annotated[int, typer.Option("--port", min=0, max=65_535, help="Port of loopback for HTTP; 0 for any free one")] = 0,
    smtp_port: Annotated[int | None, typer.Option("--smtp-port", min=0, max=65_535, help="Serve SMTP too, on this port")] = None,
    tls_port: Annotated[int | None, typer.Option("--tls-port", min=0, max=65_535, help="Serve HTTPS too, and STARTTLS")] = None,
    state: Annotated[Path | None, typer.Option("--state", help="Folder to remember what was accepted in")] = None,
    faults: Annotated[str, typer.Option("--faults", help="What goes wrong: cut_after=.02,sendgrid.throttle=.1,postmark#3=after")] = "",
    webhooks: Annotated[str | None, typer.Option("--webhooks", help="URL on this machine to post events to; may hold {provider}")] = None,
    events: Annotated[str, typer.Option("--events", help="What happens to letters: opened=.4,bounced=.01,late=.1,twice=.05")] = "",
    keep: Annotated[str, typer.Option("--keep", help="bodies, hashes (of what arrives) or counts")] = "hashes",
    seed: Annotated[int, typer.Option("--seed", help="Another seed is another run of bad luck")] = 1,
    as_json: JSON = False,
) -> None:
    """Serve a simulated ESP on this machine until asked to end: eight providers' APIs, SMTP, and failures as asked for."""
    from simulator.esp.book import Keep
    from simulator.esp.server import Options, run

    if keep not in list(Keep):
        raise InputError(f"--keep {keep} is not known", hint="one of: " + ", ".join(Keep))

    def ready(addresses: "Addresses") -> None:
        emit(addresses, as_json=as_json, text=lambda: _esp_in_words(addresses))
        sys.stdout.flush()

    run(Options(port, smtp_port, tls_port, state, faults, webhooks, events, Keep(keep), seed), ready)


def visits(
    *,
    out: Annotated[Path, typer.Option("--out", help="Folder for its files")],
    campaign: Annotated[str, typer.Option("--campaign", help="The campaign whose placements the pages had")] = "web",
    recipients: Annotated[int, typer.Option("--recipients", help="How many")] = 3_000,
    weeks: Annotated[int, typer.Option("--weeks", help="Weeks of visits in its past")] = 6,
    seed: Annotated[int, typer.Option("--seed", help="Another seed is another shop")] = 1,
    until: Annotated[str | None, typer.Option("--until", help="Where its past ends; now if left out")] = None,
    as_json: JSON = False,
) -> None:
    """Write recipients of a simulated shop and what they did on its pages: searches, looks, and clicks in placements; ready to import."""
    from delivery.compile import compile_campaign
    from runtime.settings import load_settings
    from simulator.letters import surfaces_of
    from simulator.past_visits import simulate_visits

    content = compile_campaign(load_settings().campaigns_folder / campaign)
    made = simulate_visits(out, recipients=recipients, weeks=weeks, seed=seed, until=instant(until), surfaces=surfaces_of(content))
    text = (
        f"{made.folder}: {made.recipients:,} recipients; {made.visits:,} visits with {made.searches:,} searches and {made.clicks:,} clicks"
    )
    emit(made, as_json=as_json, text=lambda: text)


def storefront(
    visitors: Annotated[list[str] | None, typer.Argument(metavar="[RECIPIENT]...", help="Ids that the page offers to sign in with")] = None,
    *,
    campaign: Annotated[str, typer.Option("--campaign", help="The campaign whose placements the pages have")] = "web",
    port: Annotated[int, typer.Option("--port", min=0, max=65_535, help="Port of loopback; 0 for any free one")] = 8090,
    context: Annotated[str, typer.Option("--context", help="What is known of everybody, as country:DE")] = "",
    as_json: JSON = False,
) -> None:
    """Serve the pages of a simulated shop on this machine until asked to end; `letterpress serve` fills their placements."""
    from contextlib import suppress

    from letterpress.shop_pages import shop_front
    from simulator.storefront import open_front

    front = shop_front(campaign, visitors or [], context, port)
    server = open_front(front, port)
    place = f"http://127.0.0.1:{server.server_address[1]}"
    emit({"address": place, "letterpress": front.letterpress}, as_json=as_json, text=lambda: f"the shop is open at {place}")
    sys.stdout.flush()
    with server, suppress(KeyboardInterrupt):
        server.serve_forever()


def _esp_in_words(at: "Addresses") -> str:
    host = at.http.removeprefix("http://")
    lines = [
        f"HTTP  {at.http}   LETTERPRESS_ESP=sendgrid://:KEY@{host}, postmark://:KEY@{host}, …; what it holds: {at.http}/_control/state"
    ]
    lines += [f"SMTP  {at.smtp}   LETTERPRESS_ESP={at.smtp}/?starttls=none"] if at.smtp else []
    lines += [f"HTTPS {at.https}   its certificate: {at.certificate}"] if at.https else []
    return "\n".join(lines)


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
        f"{found.unsubscribed:,} unsubscribed{f', {found.scans:,} requests by scanners' if found.scans else ''}{bought}"
    )
