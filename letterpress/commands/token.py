"""`letterpress token`: a recipient token for a page, or the key with which a site's server makes them."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated

import typer

from domain.errors import InputError
from letterpress.output import emit


@dataclass(frozen=True, slots=True)
class TokenView:
    """A token, and until when it is good."""

    recipient: str
    token: str
    until: datetime


def app_commands(app: typer.Typer) -> None:
    """Register the command."""
    app.command()(token)


def token(
    recipient: Annotated[str | None, typer.Argument(metavar="RECIPIENT", help="The recipient's id; never an address")] = None,
    hours: Annotated[float, typer.Option(min=0, help="For how many hours it is good")] = 24.0,
    key: Annotated[bool, typer.Option("--key", help="Print the key with which your site's server makes tokens, instead of one")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document")] = False,
) -> None:
    """Make a recipient token: with it a page asks for its visitor's placements, and for nobody else's. docs/serving.md has the recipe."""
    from delivery.recipient_tokens import RecipientTokens
    from domain.ids import RecipientId
    from runtime.clock import now
    from runtime.keys import signing_keys
    from runtime.settings import load_settings

    tokens = RecipientTokens(signing_keys(load_settings()))
    if key:
        site = tokens.site_key
        emit(site, as_json=as_json, text=lambda: f"{site.key_id}:{site.key}")
        return
    if recipient is None:
        raise InputError("whose token?", hint="letterpress token RECIPIENT, or letterpress token --key")
    until = now().replace(microsecond=0) + timedelta(hours=hours)
    made = TokenView(recipient, tokens.sign(RecipientId(recipient), until), until)
    emit(made, as_json=as_json, text=lambda: made.token)
