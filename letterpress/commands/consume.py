"""`letterpress consume`: events of the site and the shop from Kafka."""

import time
from pathlib import Path
from typing import Annotated

import typer

from domain.errors import InputError
from letterpress.output import emit, errors
from letterpress.stopping import Stop
from runtime.clock import now
from runtime.settings import load_settings

_PAUSE = 2.0  # seconds between attempts while the database is away


def app_commands(app: typer.Typer) -> None:
    """Register the command."""
    app.command()(consume)


def consume(
    topics: Annotated[list[str], typer.Argument(help="Topics whose messages are calls of the Segment spec, one or a batch each")],
    *,
    brokers: Annotated[str, typer.Option(help="Kafka's brokers, as HOST:PORT, separated by commas")],
    source: Annotated[str, typer.Option(help="The source that the events are of; give that of the write key if both tell of the same")],
    group: Annotated[str, typer.Option(help="The consumer group")] = "letterpress",
    options: Annotated[Path | None, typer.Option(help="A file of librdkafka's properties, NAME=VALUE: security, tuning")] = None,
    until_idle: Annotated[float | None, typer.Option(help="End after so many seconds without a message")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document at the end")] = False,
) -> None:
    """Store events from Kafka until asked to end (Ctrl-C or SIGTERM). An event that also came by HTTP is stored once."""
    try:
        from letterpress.kafka import KafkaStream
    except ImportError:
        raise InputError("events from Kafka need the extra `kafka`", hint="pip install 'letterpress[kafka]'") from None
    from runtime.serving import open_serving
    from web.consuming import Consumed
    from web.consuming import consume as consumed

    stop = Stop(until_idle)
    parts = open_serving(load_settings())
    with KafkaStream(brokers, topics, group, _properties(options)) as stream:
        errors.print(f"consuming {', '.join(topics)} at {brokers}", markup=False, soft_wrap=True)
        done: Consumed = consumed(
            stream, parts.site_events, source=source, clock=now, go_on=lambda so_far: stop.go_on(so_far.messages), pause=_pause
        )
    text = f"{done.messages:,} messages: {done.stored:,} events stored, {done.known_before:,} known before, {done.set_aside:,} set aside"
    emit(done, as_json=as_json, text=lambda: text)


def _pause() -> None:
    time.sleep(_PAUSE)


def _properties(path: Path | None) -> dict[str, str]:
    if path is None:
        return {}
    try:
        lines = [line.strip() for line in path.read_text().splitlines()]
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"cannot be read: {type(error).__name__}", where=str(path)) from None
    pairs = [line.partition("=") for line in lines if line and not line.startswith("#")]
    return {name.strip(): value.strip() for name, _, value in pairs}
