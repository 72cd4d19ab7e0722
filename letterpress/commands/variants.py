"""`letterpress variants`: how they do, and which may be chosen."""

from typing import TYPE_CHECKING, Annotated

import typer

from letterpress.output import emit

if TYPE_CHECKING:
    from rich.console import Group

    from domain.variant_state import VariantKey
    from flows.check_variants import CheckedVariants

JSON = Annotated[bool, typer.Option("--json", help="Print one JSON document")]
NameArgument = Annotated[str, typer.Argument(metavar="PLACEMENT/VARIANT", help="Such as weekly.hero/spring-sale")]


def app_commands(app: typer.Typer) -> None:
    """Register the commands."""
    variants = typer.Typer(no_args_is_help=True, help="How variants do against what was predicted for their readers; which are retired.")
    variants.command("health")(health)
    variants.command("retired")(retired)
    variants.command("retire")(retire)
    variants.command("revive")(revive)
    app.add_typer(variants, name="variants")


def health(
    campaign: Annotated[str, typer.Argument(help="The campaign's folder name")],
    retire_flagged: Annotated[bool, typer.Option("--retire", help="Retire flagged ones where campaign.yaml says so")] = False,
    as_json: JSON = False,
) -> None:
    """Clicks of each variant against the sum of what was predicted for the very people who saw it."""
    from flows import check_variants as checking
    from runtime.house import shared_house

    house = shared_house()
    checked = checking.variants_of(house, campaign)
    if retire_flagged:
        checked = checking.retire_flagged(house, checking.latest_content(house, campaign), checked)
    emit(checked, as_json=as_json, text=lambda: shown(checked))


def retired(as_json: JSON = False) -> None:
    """The variants that no send chooses now, since when and why."""
    from runtime.clock import now
    from runtime.house import shared_house

    found = sorted(shared_house().retirements.at(now()).values(), key=lambda one: one.key)
    lines = [f"{one.placement}/{one.variant}: since {one.at:%Y-%m-%d %H:%M} UTC, by {one.who}: {one.why}" for one in found]
    emit(found, as_json=as_json, text=lambda: "\n".join(lines) or "no variant is retired")


def retire(
    name: NameArgument,
    because: Annotated[str, typer.Option(help="Why; it is written down")],
    as_json: JSON = False,
) -> None:
    """Let no send opened from now on choose a variant. One that is the default stays the default."""
    from domain.errors import InputError
    from domain.variant_state import Retirement
    from runtime.clock import now
    from runtime.house import shared_house
    from runtime.people import who

    key = _key(name)
    if not shared_house().retirements.retire(Retirement(*key, now(), who(), because)):
        raise InputError("it is retired already, or no send ever had it", where=name)
    emit(
        {"variant": name, "state": "retired"}, as_json=as_json, text=lambda: f"{name} is retired: sends opened from now on do not choose it"
    )


def revive(
    name: NameArgument,
    because: Annotated[str, typer.Option(help="Why; it is written down")] = "",
    as_json: JSON = False,
) -> None:
    """Let sends opened from now on choose a retired variant again."""
    from domain.errors import InputError
    from domain.variant_state import Retirement
    from runtime.clock import now
    from runtime.house import shared_house
    from runtime.people import who

    if not shared_house().retirements.revive(Retirement(*_key(name), now(), who(), because)):
        raise InputError("it is not retired", where=name, hint="letterpress variants retired")
    emit({"variant": name, "state": "live"}, as_json=as_json, text=lambda: f"{name} may be chosen again")


def _key(name: str) -> "VariantKey":
    from domain.errors import InputError
    from domain.ids import PlacementId, VariantId

    placement, _, variant = name.partition("/")
    if not placement or not variant:
        raise InputError(f"{name!r} names no variant", hint="write it as weekly.hero/spring-sale")
    return PlacementId(placement), VariantId(variant)


def shown(checked: "CheckedVariants") -> "Group":
    """Every variant with its figures, flagged ones first."""
    from rich.console import Group
    from rich.table import Table

    from flows.check_variants import as_rows

    rows = Table("variant")
    for name in ("shown", "flagged"):
        rows.add_column(name, justify="right")
    rows.add_column("clicks")
    for row in as_rows(checked):
        rows.add_row(f"{row['placement']}/{row['variant']}", f"{row['shown']:,}", "yes" if row["flagged"] else "", str(row["says"]))
    gone = [f"retired now: {one.placement}/{one.variant}" for one in checked.retired]
    return Group(f"variants of {checked.campaign} over {len(checked.sends)} sends whose clicks have all come in", rows, *gone)
