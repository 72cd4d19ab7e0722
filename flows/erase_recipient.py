"""Erase a recipient, or hand over what is known of them. No Prefect run: its parameters are kept, and they would name the person."""

import secrets
from datetime import datetime
from pathlib import Path
from typing import Any

from delivery.esp import build_esp
from delivery.esp.folder import Folder
from delivery.esp.folder_layout import matching, path_of
from domain.errors import InputError
from domain.hashing import bucket_of
from domain.privacy import TOMBSTONE, Erased, Person
from domain.send import Send
from flows.run_stage import shard_name
from runtime.house import House
from storage.erasure import Erasure
from storage.file_erasure import FileErasure
from storage.lake_erasure import LakeErasure
from storage.unfinished_erasures import Begun, begin


def erase_recipient(house: House, who: str, *, do_not_mail: bool, at: datetime) -> Erased:
    """Erase whoever has this id or address from every store and every file under var/. Repeating completes what was interrupted,
    under the same tombstone: the database leads to everything else, so it goes last.

    InputError while a send that is not over may hold them; from then on no new audience takes them.
    """
    database, lake = Erasure(house.database), LakeErasure(house.lake)
    person = database.person(who)
    database.withdraw(person)
    refuse_open_sends(house, person)
    begun = Begun(person.also_at(*lake.addresses(person)), TOMBSTONE + secrets.token_hex(12), do_not_mail)
    begun = begin(house.database, begun, at)
    person, tombstone = begun.person, begun.tombstone
    removed = {f"lake: {table}": rows for table, rows in lake.erase(person, tombstone).items()}
    removed["signals"] = sum(house.signals.forget(one) for one in person.ids)
    removed["session profiles"] = sum(house.sessions.forget(one) for one in person.ids)
    removed["decision store"] = sum(house.decisions.forget(one) for one in person.ids)
    removed["letters"] = remove_letters(house, person)
    swept = FileErasure(house.settings.var, kept_elsewhere(house)).erase(person)
    removed |= {f"file: {path}": rows for path, rows in swept.mended.items()}
    rows, suppressed = database.erase(person, tombstone, do_not_mail=begun.do_not_mail, at=at)
    removed |= {f"database: {table}": count for table, count in rows.items()}
    left = [f"{path}: still names them; remove it" for path in swept.left]
    if unread := database.unread(person):
        left.append(f"database: {unread} posts of ESPs that name them wait to be understood; erase again in a minute")
    if not database.compact():
        left.append("database: a process reads it without pause, so that freed pages could not be overwritten; erase again without it")
    return Erased(tombstone, {place: count for place, count in removed.items() if count}, tuple(left), suppressed)


def export_recipient(house: House, who: str) -> dict[str, Any]:
    """All that is known of whoever has this id or address, by store. InputError if nothing is."""
    database, lake = Erasure(house.database), LakeErasure(house.lake)
    person = database.person(who)
    person = person.also_at(*lake.addresses(person))
    found = {
        "database": database.export(person),
        "lake": lake.export(person),
        "session": [str(act) for one in person.ids for act in house.sessions.get(one)],
        "decision_store": {key: value for one in person.ids for key, value in house.decisions.held(one).items()},
        "letters": [str(path) for path in letters_of(house, person)],
    }
    if not any(found.values()):
        raise InputError(f"nothing is known of {who!r}", hint="give an id or an address")
    return found


def refuse_open_sends(house: House, person: Person) -> None:
    """Raise InputError if a send that is not over holds them, or may yet freeze them."""
    holding = [send.send_id for send in house.sends.open_ones() if _may_hold(house, send, person)]
    if holding:
        hint = f"letterpress resume {holding[0]}, or cancel it; then erase again"
        raise InputError(
            f"they are in the audience of {', '.join(holding)}, which is not over; no other send takes them any more", hint=hint
        )


def letters_of(house: House, person: Person) -> list[Path]:
    """Letters to them in a folder ESP's folder, and the pages made of these to look at."""
    esp = build_esp(house.settings.esp, home=house.settings.home)
    if not isinstance(esp, Folder) or not esp.root.exists():
        return []
    letters = {path_of(esp.root, message) for message in person.messages}
    letters |= {path for address in person.addresses for path in matching(esp.root, address)}
    pages = {esp.root / "views" / f"{path.stem}.html" for path in letters}
    return sorted(path for path in letters | pages if path.exists())


def remove_letters(house: House, person: Person) -> int:
    """Remove them; the list of letters, which `letterpress mailbox` makes anew, goes with them."""
    letters = letters_of(house, person)
    for path in letters:
        path.unlink(missing_ok=True)
    return len(letters)


def kept_elsewhere(house: House) -> frozenset[Path]:
    """What other rules look after, or may not be touched: the database, the lake, the decision store, keys."""
    var = house.settings.var
    database = [var / f"letterpress.db{end}" for end in ("", "-wal", "-shm")]
    esp = build_esp(house.settings.esp, home=house.settings.home)
    letters = [path for path in esp.root.glob("??") if path.is_dir()] if isinstance(esp, Folder) else []
    return frozenset({*database, *letters, var / "lake", var / "redis", var / "secret.key"})


def _may_hold(house: House, send: Send, person: Person) -> bool:
    done = house.sends.finished_shards(send.send_id, "audience")
    places = [(one, shard) for one in person.ids for shard in send.shards_of(bucket_of(one))]
    for who, shard in places:
        if shard not in done:
            return True
        frozen = house.lake.read("audience", {"send_id": send.send_id}, name=shard_name(shard))
        if who in set(frozen["recipient_id"]):
            return True
    return False
