"""Addresses of HTTP APIs: one form for all, over TLS but on this machine, with the key in the address or in a file."""

from pathlib import Path

import pytest

from delivery.esp import PROVIDERS, build_esp
from delivery.esp.http import HttpEsp
from delivery.esp.provider import Provider
from domain.errors import InputError
from tests.delivery.providers import KEY, KNOWN

ALL = sorted(KNOWN)
OWN_HOSTS = {
    "brevo": "https://api.brevo.com",
    "mailgun": "https://api.mailgun.net",
    "mailjet": "https://api.mailjet.com",
    "postmark": "https://api.postmarkapp.com",
    "resend": "https://api.resend.com",
    "sendgrid": "https://api.sendgrid.com",
    "ses": "https://email.eu-west-1.amazonaws.com",
    "sparkpost": "https://api.sparkpost.com",
}


def built(url: str, home: Path = Path()) -> HttpEsp:
    """The ESP at an address."""
    esp = build_esp(url, home=home)
    assert isinstance(esp, HttpEsp)
    return esp


@pytest.mark.parametrize("scheme", ALL)
def test_without_a_host_it_is_the_esps_own(scheme: str) -> None:
    """Its own host over TLS; another one over TLS too; one on this machine in the clear."""
    before, after = KNOWN[scheme].before, KNOWN[scheme].after
    assert built(before + after).provider.endpoint.url == OWN_HOSTS[scheme]
    assert built(f"{before}gateway.example:8443/prefix/{after}").provider.endpoint.url == "https://gateway.example:8443"
    assert built(f"{before}gateway.example/prefix/{after}").provider.endpoint.prefix == "/prefix"
    for host in ("127.0.0.1", "localhost", "[::1]"):
        assert built(f"{before}{host}:8080{after}").provider.endpoint.url == f"http://{host}:8080"


@pytest.mark.parametrize("scheme", ALL)
def test_the_key_may_lie_in_a_file(scheme: str, tmp_path: Path) -> None:
    """?secret_file= is read relative to home; the account's name is the same either way."""
    (tmp_path / "esp.key").write_text(KEY + "\n")
    before, after = KNOWN[scheme].before.replace(f":{KEY}", ""), KNOWN[scheme].after
    with_file = built(f"{before}{after}{'&' if after else '?'}secret_file=esp.key", tmp_path)
    in_address = built(KNOWN[scheme].before + after)
    assert with_file.name == in_address.name
    if scheme != "ses":  # whose headers tell the time
        assert with_file.provider.probe() == in_address.provider.probe()


def test_accounts_have_names_without_secrets() -> None:
    """The user part, else a fingerprint of the key, so that another key is another account; and any host but the ESP's own."""
    assert built(f"mailgun://News.Shop.example:{KEY}@").name == "mailgun:News.Shop.example"
    assert built(f"sendgrid://marketing:{KEY}@api.eu.sendgrid.com").name == "sendgrid:marketing@api.eu.sendgrid.com"
    one, other = built(f"resend://:{KEY}@").name, built(f"resend://:{KEY}2@").name
    assert one != other
    assert one.startswith("resend:")
    assert len(one) == len("resend:") + 8
    assert built(f"ses://AKID:{KEY}@?region=us-east-2").name == "ses:us-east-2"
    assert built(f"resend://:{KEY}@127.0.0.1:99").name == f"{one}@127.0.0.1:99"


@pytest.mark.parametrize("scheme", ALL)
@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("", "?secret_file=no/such/file"),
        (f"x:{KEY}@", "?secret_file=esp.key"),
        (f"x:{KEY}@", "?timeout=soon"),
        (f"x:{KEY}@", "?colour=red"),
        (f"x:{KEY}@", "?ca=/no/such/file"),
        (f"x:{KEY}%0a@", ""),
        (f"x:{KEY}%20@", ""),
        (f"x:{KEY}ü@", ""),
        (f"x:{KEY}@host:port", ""),
        (KEY, ""),
    ],
)
def test_a_bad_address_is_refused_without_telling_it(scheme: str, before: str, after: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error names the setting and what is wrong, and never the key."""
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    region = ("&" if after else "?") + "region=eu-west-1" if scheme == "ses" else ""
    if scheme == "ses" and before == KEY:
        before = f"{KEY}@"
    with pytest.raises(InputError) as refusal:
        build_esp(f"{scheme}://{before}{after}{region}")
    assert str(refusal.value).startswith("LETTERPRESS_ESP: ")
    assert KEY not in str(refusal.value)


def test_what_a_provider_needs_more_is_asked_for() -> None:
    """Mailgun's domain, Mailjet's public key, the region of SES and its access key."""
    for url in (
        f"mailgun://:{KEY}@",
        f"mailjet://:{KEY}@",
        f"ses://AKID:{KEY}@",
        f"ses://AKID:{KEY}@?region=moon",
        f"ses://:{KEY}@?region=eu-west-1",
    ):
        with pytest.raises(InputError, match="needs") as refusal:
            build_esp(url)
        assert KEY not in str(refusal.value)


def test_a_scheme_nobody_knows_lists_those_that_are_known() -> None:
    """All eight and the three that are no providers."""
    with pytest.raises(InputError) as refusal:
        build_esp(f"pigeon://:{KEY}@")
    assert all(f"{scheme}://" in str(refusal.value) for scheme in PROVIDERS)


def test_every_provider_has_its_file_page_and_table() -> None:
    """A page in docs/esp, and all that the port to a provider asks for."""
    members = {name for name in vars(Provider) if not name.startswith("_")}
    for scheme in PROVIDERS:
        provider = built(KNOWN[scheme].before + KNOWN[scheme].after).provider
        assert all(hasattr(provider, member) for member in members)
        page = Path(__file__).parents[2] / "docs" / "esp" / f"{scheme}.md"
        assert f"{scheme}://" in page.read_text()
