"""The accounts whose posts are taken: a name, which is the end of the webhook's address, a provider, and the secrets to verify by."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from delivery.webhooks.posts import Provider
from delivery.webhooks.providers import PROVIDERS, provider_named
from domain.errors import InputError

WHERE = "webhooks"  # the setting
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
_SHORTEST = 8
_HINT = "such as news=sendgrid:KEY, or news=postmark:user:password; the same name again gives a second secret that is valid too"


@dataclass(frozen=True, slots=True)
class Account:
    """An account with a provider. Each of `secrets` is valid: put the new one beside the old, change it there, take the old one out."""

    name: str
    provider: Provider
    secrets: Sequence[str] = field(repr=False)


def accounts_of(text: str) -> Mapping[str, Account]:
    """Read `NAME=PROVIDER:SECRET`, several separated by commas or white space. Raises InputError, which never repeats a secret."""
    found: dict[str, Account] = {}
    for number, entry in enumerate(filter(None, re.split(r"[,\s]+", text)), start=1):
        account = _account(entry, number)
        before = found.get(account.name)
        if before and before.provider is not account.provider:
            raise InputError(f"{account.name} is named with two providers", where=WHERE, hint=_HINT)
        found[account.name] = Account(account.name, account.provider, (*(before.secrets if before else ()), *account.secrets))
    return found


def _account(entry: str, number: int) -> Account:
    name, is_there, rest = entry.partition("=")
    kind, has_secret, secret = rest.partition(":")
    provider = provider_named(kind)
    if not is_there or not _NAME.fullmatch(name):
        raise InputError(f"account {number} has no name that can stand in an address", where=WHERE, hint=_HINT)
    if provider is None:
        raise InputError(f"account {name} has no provider that is known here", where=WHERE, hint="known: " + ", ".join(PROVIDERS))
    if not has_secret or len(secret) < _SHORTEST:
        what = f"account {name} has no secret, or one of fewer than {_SHORTEST} characters"
        raise InputError(what, where=WHERE, hint=f"{provider.name} takes {provider.secret}")
    return Account(name, provider, (secret,))
