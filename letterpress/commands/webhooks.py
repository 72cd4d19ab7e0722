"""`letterpress webhooks`: whose webhooks are taken, and what waits to be understood. `letterpress poll`: events from a queue."""

import signal
import time
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

import typer
from rich.table import Table

from domain.errors import InputError
from letterpress.output import emit, errors

_PAUSE = 2.0  # seconds between attempts while queue or database are away


@dataclass(frozen=True, slots=True)
class AccountView:
    """An account. `address`: what its ESP is to post to. `secrets`: how many are valid."""

    account: str
    provider: str
    address: str
    secrets: int


@dataclass(frozen=True, slots=True)
class InboxView:
    """The accounts and the inbox. `events`, `suppressed`: what became of posts that were understood by this command."""

    accounts: list[AccountView]
    waiting: int
    oldest_at: datetime | None
    events: int = 0
    suppressed: int = 0


def app_commands(app: typer.Typer) -> None:
    """Register the command."""
    app.command()(webhooks)
    app.command()(poll)


def webhooks(
    understand: Annotated[
        bool, typer.Option("--understand", help="Understand now what waits; `letterpress serve` does so by itself")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document")] = False,
) -> None:
    """List the accounts whose webhooks are taken, with the address to give to the ESP, and what waits to be understood."""
    from delivery.webhooks.reading import understand_waiting
    from domain.webhook import StoredTelling
    from runtime.serving import open_serving
    from runtime.settings import load_settings

    parts = open_serving(load_settings())
    hooks, stored = parts.webhooks, StoredTelling()
    while understand and (some := understand_waiting(hooks.inbox, parts.clock)) is not None:
        stored += some
    listed = [
        AccountView(name, account.provider.name, f"{hooks.public_url.rstrip('/')}/webhooks/{name}", len(account.secrets))
        for name, account in sorted(hooks.accounts.items())
    ]
    state = hooks.inbox.state()
    view = InboxView(listed, state.waiting, state.oldest_at, stored.new, stored.suppressed)
    emit(view, as_json=as_json, text=lambda: _table(view))


def poll(
    queue: Annotated[
        str, typer.Argument(metavar="URL", help="The queue, such as https://sqs.eu-west-1.amazonaws.com/123456789012/letters")
    ],
    *,
    account: Annotated[str, typer.Option(help="The account of LETTERPRESS_WEBHOOKS that the queue is for, of provider ses")],
    until_idle: Annotated[float | None, typer.Option(help="End after so many seconds without a message")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document at the end")] = False,
) -> None:
    """Take events of Amazon SES from a queue of Amazon SQS until asked to end (Ctrl-C or SIGTERM), and understand them."""
    try:
        from letterpress.sqs import SqsQueue
    except ImportError:
        raise InputError("queues need the extra `ses`", hint="pip install 'letterpress[ses]'") from None
    from delivery.webhooks import polling
    from delivery.webhooks.reading import understand_waiting
    from runtime.serving import open_serving
    from runtime.settings import load_settings

    parts = open_serving(load_settings())
    known = parts.webhooks.accounts.get(account)
    if known is None or known.provider.name != "ses":
        raise InputError(f"there is no account {account!r} of provider ses", where="webhooks", hint="`letterpress webhooks` lists them")
    patience = _Patience(until_idle)
    source = SqsQueue(queue, wait_seconds=10 if until_idle is None else max(1, min(10, int(until_idle))))
    errors.print(f"polling {queue}", markup=False, soft_wrap=True)
    done = polling.poll(
        source,
        parts.webhooks.inbox,
        known,
        clock=parts.clock,
        go_on=lambda so_far: patience.go_on(so_far.messages),
        kept=lambda: understand_waiting(parts.webhooks.inbox, parts.clock),
        pause=lambda: time.sleep(_PAUSE),
    )
    emit(done, as_json=as_json, text=lambda: f"{done.messages:,} messages kept, {done.refused:,} of other topics left in the queue")


class _Patience:
    """Says when to end: when asked to, or when nothing came for a while."""

    def __init__(self, until_idle: float | None) -> None:
        self._asked, self._most = False, until_idle
        self._seen, self._since = -1, time.monotonic()
        for sign in (signal.SIGTERM, signal.SIGINT):
            signal.signal(sign, self._ask)

    def go_on(self, messages: int) -> bool:
        """Whether to take more."""
        if messages != self._seen:
            self._seen, self._since = messages, time.monotonic()
        return not self._asked and (self._most is None or time.monotonic() - self._since <= self._most)

    def _ask(self, _signal: int, _frame: object) -> None:
        self._asked = True


def _table(view: InboxView) -> Table:
    since = f", the oldest since {view.oldest_at:%Y-%m-%d %H:%M:%S} UTC" if view.oldest_at else ""
    done = f"; {view.events:,} events understood now, {view.suppressed:,} addresses suppressed" if view.events else ""
    table = Table(caption=f"{view.waiting:,} posts wait to be understood{since}{done}", caption_justify="left")
    for column in ("account", "provider", "address for the ESP", "secrets"):
        table.add_column(column, overflow="fold")
    for one in view.accounts:
        table.add_row(one.account, one.provider, one.address, str(one.secrets))
    return table
