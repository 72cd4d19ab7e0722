"""`letterpress dry-run` and `letterpress proof`."""

from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Group
from rich.table import Table

from letterpress.instants import instant
from letterpress.output import emit, progress

if TYPE_CHECKING:
    from letterpress.rehearsal import Rehearsal

JSON = Annotated[bool, typer.Option("--json", help="Print one JSON document")]
CampaignArgument = Annotated[str, typer.Argument(help="The campaign's folder name")]


def app_commands(app: typer.Typer) -> None:
    """Register the commands."""
    app.command(name="dry-run")(dry_run)
    app.command(name="proof")(proof)


def dry_run(
    campaign: CampaignArgument,
    at: Annotated[str | None, typer.Option("--at", help="As if it were sent at this instant; now if left out")] = None,
    as_json: JSON = False,
) -> None:
    """Everything a send does but writing and handing off: audience by reason, variant shares, letters that cannot be printed."""
    from letterpress.rehearsal import rehearse
    from runtime.house import shared_house

    with progress() as shown:
        bar = shown.add_task("rehearsing", total=None)
        found = rehearse(shared_house(), campaign, instant(at), lambda done, shards: shown.update(bar, completed=done, total=shards))
    emit(found, as_json=as_json, text=lambda: _shown(found))


def proof(
    campaign: CampaignArgument,
    to: Annotated[list[str], typer.Option("--to", help="A seed address; may be repeated")],
    recipient: Annotated[list[str], typer.Option("--as", help="Whose letter: an id or address; may be repeated")],
    as_json: JSON = False,
) -> None:
    """Hand off test copies of real recipients' letters to seed addresses."""
    from letterpress.proofing import proof as hand_off_proofs
    from runtime.house import shared_house

    proofs = hand_off_proofs(shared_house(), campaign, recipient, to, instant(None))
    emit(proofs, as_json=as_json, text=lambda: "\n".join(f"{p.recipient_id} → {p.seed}: {p.status} {p.reason or ''}" for p in proofs))


def _shown(found: "Rehearsal") -> Group:
    from ranking.deciding.choice_sets import constraint_words

    counts = Table("recipients")
    counts.add_column("count", justify="right")
    rows = [("match the audience expression", found.audience.matched), ("would get a letter", found.admitted)]
    rows += [(f"excluded: {reason}", number) for reason, number in found.audience.excluded.items()]
    rows += [(f"arm: {arm}", number) for arm, number in sorted(found.arms.items())]
    rows += [(constraint_words(name), number) for name, number in sorted(found.constraints.items())]
    rows += [(f"cannot be printed: {reason}", number) for reason, number in found.unprintable.items()]
    rows += [("largest letter, bytes", found.largest_letter_bytes)]
    for name, number in rows:
        counts.add_row(name, f"{number:,}")
    shares = Table("variant")
    shares.add_column("chosen", justify="right")
    for name, number in sorted(found.variants.items()):
        shares.add_row(name, f"{number:,}")
    model = f"model {found.model_version or 'none: uniform choice'}"
    return Group(f"dry run of {found.campaign}: nothing was written or handed off", counts, model, shares)
