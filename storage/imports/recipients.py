"""Import recipients: one row per person, one person per mailbox; further columns become attributes."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from zoneinfo import available_timezones

import orjson
import pandas as pd
import pyarrow as pa

from domain.ids import CONTEXT_PREFIX
from domain.recipient import normalised
from storage.imports.addresses import Mailbox, mailboxes
from storage.imports.attributes import as_json, check_names, kinds_of
from storage.imports.columns import RECIPIENTS
from storage.imports.mapped import Mapped, judge
from storage.imports.report import Progress, Refusal, Step, Written
from storage.imports.workbench import Refused, Workbench, literal
from storage.recipients import Recipients

_LOCALE = "'^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*$'"
_DEFAULTS = {"time_zone": "UTC", "locale": "en"}


def import_recipients(mapped: Mapped, bench: Workbench, recipients: Recipients, at: datetime, *, where: str, progress: Progress) -> Written:
    """Write the good rows, refuse the others.

    Someone who is there already keeps what this import does not give: attributes, time zone, locale, created_at.
    """
    check_names(list(mapped.further), where)
    recipients.declare(kinds_of(bench, mapped.further, recipients.attributes()), at)
    judge(mapped, RECIPIENTS, bench, extras=as_json(mapped.further))
    reserved = f"starts_with(recipient_id, {literal(CONTEXT_PREFIX)})"
    bench.refuse_where("judged", reserved, Refusal.RESERVED_ID, literal(f"recipient_id: begins with {CONTEXT_PREFIX}"))
    _judge_places(bench)
    _judge_mailboxes(bench, recipients, progress)
    bench.refuse_repeated("judged", "recipient_id", "recipient_id: the same")
    bench.refuse_repeated("judged", "mailbox", "address: the same mailbox")
    return _write(mapped, bench, recipients, at, progress)


def _judge_places(bench: Workbench) -> None:
    """Time zones and locales: a handful of different ones among any number of rows."""
    zones = ", ".join(map(literal, sorted(available_timezones())))
    bench.refuse_where(
        "judged", f"time_zone NOT IN ({zones})", Refusal.UNKNOWN_TIME_ZONE, literal("time_zone: no IANA name such as Europe/Vienna")
    )
    bench.run("UPDATE judged SET locale = replace(locale, '_', '-') WHERE contains(locale, '_')")
    bench.refuse_where(
        "judged", f"NOT regexp_matches(locale, {_LOCALE})", Refusal.BAD_LOCALE, literal("locale: no language tag such as de-AT")
    )


def _judge_mailboxes(bench: Workbench, recipients: Recipients, progress: Progress) -> None:
    """Give `judged` its column `mailbox`, the normalised address. Refuse what is no mailbox, or another recipient's."""
    total, done = bench.value("SELECT count(*) FROM judged"), 0
    bench.add("mailboxes", _mailbox_rows([]))
    for chunk in bench.chunks("SELECT number, place, recipient_id, address FROM judged ORDER BY place"):
        numbers, places, ids, addresses = (list[Any](chunk[name].to_pylist()) for name in ("number", "place", "recipient_id", "address"))
        found = mailboxes(addresses)
        owners = recipients.owners(normalised(one.address) for one in found if one.address)
        judged = [_judged(mailbox, who, owners) for mailbox, who in zip(found, ids, strict=True)]
        bench.refuse([_refused(bench, number, *bad) for number, bad in zip(numbers, judged, strict=True) if bad])
        good = zip(places, found, judged, strict=True)
        bench.add("mailboxes", _mailbox_rows([(place, mailbox.address) for place, mailbox, bad in good if mailbox.address and not bad]))
        done += chunk.num_rows
        progress(Step("checking", done, total))
    columns = "judged.* REPLACE (mailboxes.address AS address), mailboxes.mailbox"
    bench.run(f"CREATE TABLE kept AS SELECT {columns} FROM judged JOIN mailboxes USING (place)")  # noqa: S608
    bench.run("DROP TABLE judged; ALTER TABLE kept RENAME TO judged")


def _judged(mailbox: Mailbox, who: str, owners: Mapping[str, str]) -> tuple[Refusal, str] | None:
    if mailbox.address is None:
        return Refusal.BAD_ADDRESS, f"address: {mailbox.problem}"
    taken = owners.get(normalised(mailbox.address), who) != who
    return (Refusal.DUPLICATE, "address: the mailbox of another recipient in the database") if taken else None


def _refused(bench: Workbench, number: int, reason: Refusal, detail: str) -> Refused:
    return Refused(number, None, reason, detail, None if bench.traced else "")


def _mailbox_rows(rows: Sequence[tuple[int, str]]) -> pa.Table:
    places, addresses = [place for place, _ in rows], [address for _, address in rows]
    texts = {"address": pa.array(addresses, pa.string()), "mailbox": pa.array(map(normalised, addresses), pa.string())}
    return pa.table({"place": pa.array(places, pa.int64()), **texts})


def _write(mapped: Mapped, bench: Workbench, recipients: Recipients, at: datetime, progress: Progress) -> Written:
    total, done, new = bench.value("SELECT count(*) FROM judged"), 0, 0
    for chunk in bench.chunks("SELECT * FROM judged ORDER BY place"):
        new += recipients.upsert(_completed(chunk.to_pandas(), mapped, recipients), at)
        done += chunk.num_rows
        progress(Step("writing", done, total))
    return Written(new, total - new)


def _completed(frame: pd.DataFrame, mapped: Mapped, recipients: Recipients) -> pd.DataFrame:
    """The rows as they shall stand: what the import gives, else what is there, else the default."""
    before = recipients.by_ids(frame["recipient_id"].tolist()).set_index("recipient_id").reindex(frame["recipient_id"])
    before.index = frame.index
    filled = {
        name: _filled(frame[name], before[name], given=name in mapped.given, default=_DEFAULTS.get(name))
        for name in ("time_zone", "locale", "created_at")
    }
    documents = list(map(_merged, before["attributes"].tolist(), frame["extras"].tolist()))
    return frame.assign(attributes=documents, consent=frame["consent"].fillna(False).astype(bool), **filled)


def _filled(new: pd.Series, old: pd.Series, *, given: bool, default: str | None) -> pd.Series:
    chosen = new if given else old
    return chosen if default is None else chosen.fillna(default)


def _merged(old: Any, new: str) -> str:
    known = orjson.loads(old) if isinstance(old, str) else {}
    return orjson.dumps(known | orjson.loads(new), option=orjson.OPT_SORT_KEYS).decode()
