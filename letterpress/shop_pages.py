"""What the pages of the simulated shop need of this house, and whether its settings let them have it."""

from collections.abc import Sequence
from datetime import timedelta
from functools import partial

from delivery.compile import compile_campaign
from delivery.recipient_tokens import RecipientTokens
from domain.content import Content
from domain.errors import InputError
from domain.ids import RecipientId
from runtime.clock import now
from runtime.keys import signing_keys, write_keys
from runtime.settings import Settings, load_settings
from simulator.storefront import Storefront

_HOLDS = timedelta(hours=1)  # of the tokens in a page


def shop_front(campaign: str, visitors: Sequence[str], context: str, port: int) -> Storefront:
    """The front of the shop whose placements this campaign has. InputError, saying what to set, where its pages could not ask."""
    settings = load_settings()
    keys = write_keys(settings)
    origin = f"http://127.0.0.1:{port}"
    if not keys or not port or not _lets_in(settings, origin):
        lines = f'write_keys = "shop:a-key-of-the-shop", placement_origins = "{origin if port else "*"}"'
        raise InputError(
            "the shop's pages may not tell or ask anything", where="letterpress.toml", hint=f"{lines}; then start `serve` anew"
        )
    return Storefront(
        letterpress=settings.public_url.rstrip("/"),
        write_key=next(iter(keys)),
        defaults=defaults_of(compile_campaign(settings.campaigns_folder / campaign)),
        token=partial(_token, RecipientTokens(signing_keys(settings))),
        visitors=visitors,
        context=context,
    )


def defaults_of(content: Content) -> dict[str, list[str]]:
    """The default HTML of each position, by placement, as a site puts it into its pages. InputError for a campaign without any."""
    html = {(one.placement, one.variant): one.web or "" for one in content.variants}
    shown = [one.placement for one in content.campaign.placements if one.published]
    if not shown:
        raise InputError("pages show nothing of it", where=content.campaign.campaign, hint="letterpress simulate storefront --campaign web")
    return {str(placement): [html[placement, variant] for variant in content.default_slate(placement)] for placement in shown}


def _lets_in(settings: Settings, origin: str) -> bool:
    named = {one.strip().rstrip("/") for one in settings.placement_origins.split(",")}
    return bool(named & {origin, "*"})


def _token(tokens: RecipientTokens, who: str) -> str:
    return tokens.sign(RecipientId(who), now() + _HOLDS)
