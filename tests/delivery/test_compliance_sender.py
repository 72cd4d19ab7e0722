"""The sender of a campaign, its domain in the DNS, and where its links begin."""

from pathlib import Path

import pytest

from delivery.compliance.authentication import alignment, dkim, dmarc, spf
from delivery.compliance.inspection import BULK
from delivery.compliance.report import Level
from delivery.compliance.sender import from_domain, public_url, reply_to
from tests.delivery.campaigns import CAMPAIGN
from tests.delivery.compliance_cases import FOLDER, REAL, RELAY, SENDGRID, Names, found, inspected, levels, places
from tests.delivery.test_compliance_records import RSA_2048

KEY = f"v=DKIM1; k=rsa; p={RSA_2048}"
ROOT = {"A letters.fernhaus.de": ["203.0.113.9"], "MX fernhaus.de": ["10 mx.fernhaus.de."]}


def sender(address: str, reply: str = "") -> str:
    """campaign.yaml with another sender, who stands on line 2."""
    more = f", reply_to: {reply}" if reply else ""
    return CAMPAIGN.replace("address: news@shop.example", f"address: {address}{more}")


def test_a_free_mailbox_in_from_stops_the_send(tmp_path: Path) -> None:
    """With the line it stands on; a WARN while letters reach nobody."""
    seen = inspected(tmp_path, esp=SENDGRID, campaign_DOT_yaml=sender("shop@gmail.com"))
    assert found(from_domain, seen) == [("stop", "From is at gmail.com, where anybody can have an address: nobody else may send for it")]
    assert places(from_domain, seen) == ["news/campaign.yaml:2"]
    assert levels(from_domain, inspected(tmp_path, esp=FOLDER, campaign_DOT_yaml=sender("shop@gmail.com"))) == [Level.WARN]


def test_the_starters_address_stops_a_send_to_people_and_no_other(tmp_path: Path) -> None:
    """A domain that is reserved for examples belongs to nobody who could send."""
    assert levels(from_domain, inspected(tmp_path, esp=SENDGRID, campaign_DOT_yaml=CAMPAIGN)) == [Level.STOP]
    assert levels(from_domain, inspected(tmp_path, esp=FOLDER, campaign_DOT_yaml=CAMPAIGN)) == [Level.UNCHECKED]
    assert levels(from_domain, inspected(tmp_path, esp=SENDGRID)) == []


@pytest.mark.parametrize(
    ("reply", "said"),
    [
        ("fern@gmail.com", "answers go to a free mailbox at gmail.com"),
        ("no-reply@fernhaus.de", "answers go to an address that says nobody reads it"),
        ("fern@nowhere.de", "nowhere.de takes no mail (no MX): answers come back"),
        ("fern@null.de", "null.de takes no mail (no MX): answers come back"),
        ("fern@fern.example", "answers go to fern.example: a name that is reserved for examples and private networks"),
    ],
)
def test_answers_that_reach_nobody_are_warned_of(tmp_path: Path, reply: str, said: str) -> None:
    """Free mailboxes, addresses that turn people away, and domains without a mailbox."""
    names = Names(ROOT | {"MX gmail.com": ["5 gmail-smtp-in.l.google.com."], "MX null.de": ["0 ."]})
    seen = inspected(tmp_path, esp=SENDGRID, names=names, campaign_DOT_yaml=sender("news@fernhaus.de", reply))
    assert found(reply_to, seen) == [("warn", said)]


def test_answers_that_arrive_are_fine(tmp_path: Path) -> None:
    """An MX, or an address alone (RFC 5321), or a DNS that does not answer."""
    for table in (ROOT, {"A fernhaus.de": ["203.0.113.9"]}, {"MX fernhaus.de": None}):
        assert found(reply_to, inspected(tmp_path, esp=SENDGRID, names=Names(table))) == []


@pytest.mark.parametrize(
    ("url", "level", "said"),
    [
        ("http://127.0.0.1:8085", "stop", "nobody can follow links to 127.0.0.1: an address of a private network or of this machine"),
        ("https://localhost", "stop", "nobody can follow links to localhost: a name without a domain"),
        ("https://links.shop.example", "stop", "nobody can follow links to links.shop.example"),
        ("http://letters.fernhaus.de", "stop", "which is not https"),
        ("https://203.0.114.9", "warn", "links lead to the IP address 203.0.114.9"),
        ("https://gone.fernhaus.de", "stop", "nobody can follow links to gone.fernhaus.de: the DNS has no such host"),
    ],
)
def test_links_that_nobody_can_follow_stop_the_send(tmp_path: Path, url: str, level: str, said: str) -> None:
    """Letters cannot be called back."""
    [(weight, words)] = found(public_url, inspected(tmp_path, esp=SENDGRID, public_url=url, names=Names(ROOT)))
    assert weight == level and said in words


def test_links_that_can_be_followed_are_fine(tmp_path: Path) -> None:
    """And a DNS that does not answer stops nothing."""
    for table in (ROOT, {"A letters.fernhaus.de": None}, {"AAAA letters.fernhaus.de": ["2620:fe::fe"]}):
        assert found(public_url, inspected(tmp_path, esp=SENDGRID, names=Names(table))) == []


def test_links_are_not_judged_while_letters_reach_nobody(tmp_path: Path) -> None:
    """The defaults of a first day: a folder, and links to this machine."""
    for esp in (FOLDER, "smtp://127.0.0.1:1025", "sendgrid://:KEY@127.0.0.1:8090"):
        names = Names()
        seen = inspected(tmp_path, esp=esp, public_url="http://127.0.0.1:8085", names=names)
        for check in (public_url, spf, dkim, dmarc, alignment):
            assert levels(check, seen) == [Level.UNCHECKED]
        assert list(reply_to(seen)) == [] and names.asked == []


@pytest.mark.parametrize("check", [spf, dkim, dmarc, alignment])
def test_no_answer_is_told_as_such(tmp_path: Path, check: object) -> None:
    """Never a pass, never a stop."""
    silent = Names({f"TXT {name}fernhaus.de": None for name in ("", "_dmarc.", "s1._domainkey.", "s2._domainkey.")})
    [(level, said)] = found(check, inspected(tmp_path, esp=SENDGRID, names=silent, recipients=BULK))  # type: ignore[arg-type]
    assert (level, said) == ("unchecked", "could not check: the DNS does not answer here")


@pytest.mark.parametrize(
    ("records", "by_api", "by_relay"),
    [
        ((), "warn", "warn"),
        (("v=spf1 -all", "v=spf1 ~all"), "warn", "stop"),
        (("v=spf1 include:gone.net -all",), "warn", "stop"),
        (("v=spf1 +all",), "warn", "warn"),
        (("v=spf1 ip4:192.0.2.1 -all",), "pass", "pass"),
    ],
)
def test_spf_weighs_more_where_the_envelope_is_from(tmp_path: Path, records: tuple[str, ...], by_api: str, by_relay: str) -> None:
    """A relay is given the address in From as the envelope's sender; ESPs use another."""
    names = Names({"TXT fernhaus.de": records})
    assert [level for level, _ in found(spf, inspected(tmp_path, esp=SENDGRID, names=names))] == [by_api]
    assert [level for level, _ in found(spf, inspected(tmp_path, esp=RELAY, names=names))] == [by_relay]


@pytest.mark.parametrize(
    ("esp", "selectors", "table", "level"),
    [
        (SENDGRID, (), {"TXT s2._domainkey.fernhaus.de": [KEY]}, "pass"),
        (SENDGRID, (), {}, "warn"),
        (SENDGRID, ("own",), {}, "stop"),
        (SENDGRID, ("own",), {"TXT own._domainkey.fernhaus.de": [KEY]}, "pass"),
        (SENDGRID, (), {"TXT s1._domainkey.fernhaus.de": ["v=DKIM1; p="]}, "stop"),
        (SENDGRID, (), {"TXT s1._domainkey.fernhaus.de": [f"v=DKIM1; t=y; p={RSA_2048}"]}, "warn"),
        (SENDGRID, (), {"TXT s1._domainkey.fernhaus.de": ["v=DKIM1; p="], "TXT s2._domainkey.fernhaus.de": [KEY]}, "pass"),
        (RELAY, (), {"TXT s1._domainkey.fernhaus.de": [KEY]}, "unchecked"),
        ("postmark://:KEY@", (), {}, "unchecked"),
        ("ses://", ("abc",), {"TXT abc._domainkey.fernhaus.de": [KEY]}, "pass"),
    ],
)
def test_dkim_passes_only_with_a_key_that_is_there(
    tmp_path: Path, esp: str, selectors: tuple[str, ...], table: dict[str, list[str]], level: str
) -> None:
    """Selectors that nobody knows leave it unchecked; those that were named have to be there."""
    assert [one for one, _ in found(dkim, inspected(tmp_path, esp=esp, selectors=selectors, names=Names(table)))] == [level]


def test_dmarc_is_asked_of_bulk_senders(tmp_path: Path) -> None:
    """From 5,000 recipients on its absence is a STOP, below a WARN; p=none is enough for both."""
    assert levels(dmarc, inspected(tmp_path, esp=SENDGRID, recipients=BULK)) == [Level.STOP]
    assert levels(dmarc, inspected(tmp_path, esp=SENDGRID, recipients=BULK - 1)) == [Level.WARN]
    names = Names({"TXT _dmarc.fernhaus.de": ["v=DMARC1; p=none"]})
    assert levels(dmarc, inspected(tmp_path, esp=SENDGRID, recipients=BULK, names=names)) == [Level.PASS]


@pytest.mark.parametrize(
    ("esp", "selectors", "table", "level"),
    [
        (SENDGRID, (), {"TXT s1._domainkey.fernhaus.de": [KEY]}, "pass"),
        (SENDGRID, (), {}, "unchecked"),
        (SENDGRID, ("own",), {}, "stop"),
        (RELAY, (), {"TXT fernhaus.de": ["v=spf1 -all"]}, "warn"),
        (RELAY, (), {}, "unchecked"),
        (RELAY, ("own",), {}, "stop"),
        (RELAY, ("own",), {"TXT own._domainkey.fernhaus.de": [KEY]}, "pass"),
    ],
)
def test_something_of_the_domain_in_from_has_to_pass(
    tmp_path: Path, esp: str, selectors: tuple[str, ...], table: dict[str, list[str]], level: str
) -> None:
    """A key there aligns, SPF aligns at a relay, and for certain nothing is a STOP."""
    assert [one for one, _ in found(alignment, inspected(tmp_path, esp=esp, selectors=selectors, names=Names(table)))] == [level]


def test_strict_alignment_asks_for_the_very_domain(tmp_path: Path) -> None:
    """A key of the organisation's domain aligns with its subdomain unless DMARC says adkim=s."""
    campaign = REAL.replace("news@fernhaus.de", "news@letters.fernhaus.de")
    for adkim, level in (("r", Level.PASS), ("s", Level.STOP)):
        table = {"TXT own._domainkey.fernhaus.de": [KEY], "TXT _dmarc.fernhaus.de": [f"v=DMARC1; p=none; adkim={adkim}"]}
        seen = inspected(tmp_path, esp=SENDGRID, selectors=("own",), names=Names(table), campaign_DOT_yaml=campaign)
        assert levels(alignment, seen) == [level]
