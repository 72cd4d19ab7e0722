"""`letterpress suppressions`: who is not to be written to at all."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from domain.errors import InputError
from domain.message import SuppressionReason
from letterpress.output import emit
from runtime.clock import now

if TYPE_CHECKING:
    from domain.suppression import Suppression, SuppressionImport

Json = Annotated[bool, typer.Option("--json", help="Print one JSON document")]
Address = Annotated[str, typer.Argument(metavar="ADDRESS")]
_MOST_REFUSED = 20  # listed in a text; JSON has them all


def app_commands(app: typer.Typer) -> None:
    """Register the commands."""
    suppressions = typer.Typer(help="Addresses that are not to be written to at all, and why.", no_args_is_help=True)
    suppressions.command("list")(show)
    suppressions.command("add")(add)
    suppressions.command("remove")(remove)
    suppressions.command("import")(take_in)
    suppressions.command("export")(give_out)
    app.add_typer(suppressions, name="suppressions")


def show(
    *,
    most: Annotated[int, typer.Option(min=1, help="How many addresses are listed at most; export has them all")] = 1_000,
    reason: Annotated[SuppressionReason | None, typer.Option(help="Only those with this reason")] = None,
    as_json: Json = False,
) -> None:
    """List suppressed addresses, by address."""
    from itertools import islice

    from runtime.house import shared_house

    house = shared_house()
    found = list(islice((one for one in house.suppressions.all() if reason in {None, one.reason}), most))
    total = house.suppressions.count()
    emit({"total": total, "suppressions": found}, as_json=as_json, text=lambda: _listed(found, total))


def add(
    address: Address,
    *,
    reason: Annotated[SuppressionReason, typer.Option(help="Why")] = SuppressionReason.MANUAL,
    detail: Annotated[str | None, typer.Option(help="A word on it, kept beside the reason")] = None,
    as_json: Json = False,
) -> None:
    """Suppress an address from the next claim on, also in sends that are under way. Again changes nothing."""
    from domain.suppression import Suppression
    from runtime.house import shared_house
    from storage.suppression_files import is_address

    if not is_address(address.strip()):
        raise InputError("not an address: expected name@domain")
    new = shared_house().suppressions.add_all([Suppression(address, reason, now(), detail)]) == 1
    emit({"new": new}, as_json=as_json, text=lambda: "suppressed" if new else "was suppressed before; the first record stays")


def remove(address: Address, *, as_json: Json = False) -> None:
    """Lift a suppression. Letters that it kept in stay in; whoever unsubscribed should have asked for it."""
    from runtime.house import shared_house

    lifted = shared_house().suppressions.remove(address)
    emit({"lifted": lifted}, as_json=as_json, text=lambda: "lifted" if lifted else "was not suppressed")


def take_in(file: Annotated[Path, typer.Argument(metavar="FILE")], *, as_json: Json = False) -> None:
    """Suppress what a CSV file lists: address, and if there are such columns reason, suppressed_at and detail. Can be repeated."""
    from runtime.house import shared_house
    from storage.suppression_files import import_suppressions

    done = import_suppressions(shared_house().suppressions, file, now())
    emit(done, as_json=as_json, text=lambda: _imported(done))
    if done.refused and len(done.refused) == done.read:
        raise typer.Exit(2)


def give_out(file: Annotated[Path, typer.Argument(metavar="FILE")], *, as_json: Json = False) -> None:
    """Write all suppressions to a CSV file that `import` reads back; only its owner may read it."""
    from runtime.house import shared_house
    from storage.suppression_files import export_suppressions

    count = export_suppressions(shared_house().suppressions, file)
    emit({"file": str(file), "written": count}, as_json=as_json, text=lambda: f"{count:,} written to {file}")


def _listed(found: "list[Suppression]", total: int) -> str:
    lines = [f"{one.address}  {one.reason.value}  {one.at:%Y-%m-%d}  {one.detail or ''}".rstrip() for one in found]
    return "\n".join([*lines, f"{len(found):,} of {total:,}"])


def _imported(done: "SuppressionImport") -> str:
    lines = [f"{done.read:,} rows: {done.new:,} new, {done.known:,} known before, {len(done.refused):,} refused"]
    lines += [f"  line {one.row}: {one.reason}" for one in done.refused[:_MOST_REFUSED]]
    return "\n".join([*lines, *(["  … and more; --json has them all"] if len(done.refused) > _MOST_REFUSED else [])])
