"""`letterpress erase`, `export`, `expire`: what a person has a right to, and what is kept for a time only."""

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from domain.errors import InputError
from letterpress.output import emit, to_json
from runtime.clock import now

if TYPE_CHECKING:
    from domain.privacy import Erased

Who = Annotated[str, typer.Argument(metavar="RECIPIENT", help="A recipient's id or address")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document")]


def app_commands(app: typer.Typer) -> None:
    """Register the commands."""
    for command in (erase, export, expire):
        app.command()(command)


def erase(
    recipient: Who,
    *,
    do_not_mail: Annotated[bool, typer.Option(help="Never write to the address again, should it be imported again")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask")] = False,
    as_json: Json = False,
) -> None:
    """Erase a person from every store and every file under var/. This cannot be undone.

    Counts stay: letters and decisions keep a tombstone for an id. Of the address of someone who had unsubscribed a salted hash is
    kept, so that they are not written to again.
    """
    from flows.erase_recipient import erase_recipient
    from runtime.house import shared_house

    if not yes and not as_json and sys.stdin.isatty():
        typer.confirm("Erase everything about this person? This cannot be undone", abort=True)
    erased = erase_recipient(shared_house(), recipient, do_not_mail=do_not_mail, at=now())
    emit(erased, as_json=as_json, text=lambda: _text(erased))
    if erased.left:
        raise typer.Exit(1)


def export(
    recipient: Who,
    out: Annotated[Path, typer.Option(help="The JSON file to write; only its owner may read it")],
    as_json: Json = False,
) -> None:
    """Write down everything that is known of a person: database, lake, decision store, letters."""
    from flows.erase_recipient import export_recipient
    from runtime.house import shared_house

    found = export_recipient(shared_house(), recipient)
    try:
        with os.fdopen(os.open(out, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
            file.write(to_json(found) + "\n")
    except OSError as error:
        raise InputError(f"cannot be written: {error.strerror}", where=str(out)) from None
    rows = {f"{store}: {table}": len(held) for store in ("database", "lake") for table, held in found[store].items()}
    rows |= {store: len(found[store]) for store in ("decision_store", "letters") if found[store]}
    lines = [f"written to {out}", *(f"  {place}: {count:,}" for place, count in rows.items())]
    emit({"file": str(out), "rows": rows}, as_json=as_json, text=lambda: "\n".join(lines))


def expire(as_json: Json = False) -> None:
    """Delete raw payloads, and events of unknown visitors, that are older than raw_days and unknown_days. Scheduled nightly."""
    from flows.expire_raw import expire_old
    from runtime.house import shared_house

    done = expire_old(shared_house())
    kept = f"{done.payloads:,} payloads, {done.posts:,} posts, {done.set_aside:,} refused calls"
    text = f"{kept}; of unknown visitors {done.unknown:,} events, {done.links:,} links"
    emit(done, as_json=as_json, text=lambda: text)


def _text(erased: "Erased") -> str:
    lines = [f"erased; what counts for others is now of {erased.tombstone}"] if erased.removed else ["nothing was known of them"]
    lines += [f"  {place}: {count:,}" for place, count in erased.removed.items()]
    lines += ["  a salted hash of the address is kept: it will not be written to again"] if erased.kept_suppressed else []
    return "\n".join([*lines, *(f"  LEFT {place}" for place in erased.left)])
