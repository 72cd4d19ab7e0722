"""Accounts are read from a setting; mistakes are told without the secret."""

import pytest

from delivery.webhooks.accounts import accounts_of
from domain.errors import InputError

KEY = "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEQ4LIFtWztlsF7skFqOncjD1lun4H5w8XOhyOArHW9RcIx/FfEzx6cikC/yPfUvwaX/JScE7Fc9CJD2afQ9Ok3Q=="


def test_accounts() -> None:
    """Several accounts, separated by commas or lines; a name given twice has two secrets; secrets keep their colons and equals signs."""
    arn = "arn:aws:sns:eu-west-1:123456789012:letters"
    found = accounts_of(f"news=sendgrid:{KEY},bulk=ses:{arn}\n  shop=postmark:user:pass=word, news=sendgrid:{KEY[::-1]}")
    assert {name: (account.provider.name, list(account.secrets)) for name, account in found.items()} == {
        "news": ("sendgrid", [KEY, KEY[::-1]]),
        "bulk": ("ses", [arn]),
        "shop": ("postmark", ["user:pass=word"]),
    }


def test_none() -> None:
    """Nothing set, no accounts."""
    assert accounts_of(" ,\n") == {}


def test_other_names() -> None:
    """Mandrill is Mailchimp's, and capitals do not matter."""
    assert accounts_of("a=Mandrill:long enough".replace(" ", "-"))["a"].provider.name == "mailchimp"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("sendgrid:SECRETSECRET", "account 1 has no name"),
        ("ok=brevo:SECRETSECRET, a/b=sendgrid:SECRETSECRET", "account 2 has no name"),
        ("=sendgrid:SECRETSECRET", "account 1 has no name"),
        ("news=sendgrit:SECRETSECRET", "no provider that is known"),
        ("news=sendgrid", "has no secret"),
        ("news=sendgrid:short", "fewer than 8"),
        ("news=sendgrid:SECRETSECRET,news=mailgun:SECRETSECRET", "two providers"),
    ],
)
def test_mistakes(text: str, words: str) -> None:
    """What is wrong is said, and where, and what would be right; the secret is not."""
    with pytest.raises(InputError, match=words) as raised:
        accounts_of(text)
    assert "SECRET" not in str(raised.value) and "short" not in str(raised.value)
    assert "webhooks" in str(raised.value)


def test_secrets_are_not_shown() -> None:
    """An account that is printed does not tell its secrets."""
    assert "SECRET" not in repr(accounts_of("news=sendgrid:SECRETSECRET"))
