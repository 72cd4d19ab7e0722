"""Asking a real name server on loopback: what is there, what is not, and what nobody knows."""

import pytest

from delivery.compliance.authentication import alignment, dkim, dmarc, spf
from delivery.compliance.dkim import look_for_keys
from delivery.compliance.lookup import Nothing, Records, Unanswered
from delivery.compliance.report import Level
from domain.errors import InputError
from runtime.dns import DnsResolver
from tests.delivery.compliance_cases import SENDGRID, inspected, levels
from tests.delivery.test_compliance_records import RSA_2048
from tests.runtime.name_server import ROOT, serving

LONG = f'"v=DKIM1; k=rsa; p={RSA_2048[:200]}" "{RSA_2048[200:]}"'


def test_records_come_as_text() -> None:
    """The strings of a TXT record are joined; an MX keeps its preference; in their order; names are asked in any case, once."""
    with serving(ROOT | {"TXT fernhaus.de": ['"v=spf1 " "-all"', '"other"'], "MX fernhaus.de": ["10 mx.fernhaus.de."]}) as server:
        resolver = DnsResolver(server.address)
        assert resolver.look_up("fernhaus.de", "TXT") == Records(("other", "v=spf1 -all"))
        assert resolver.look_up("FernHaus.de.", "TXT") == Records(("other", "v=spf1 -all"))
        assert resolver.look_up("fernhaus.de", "MX") == Records(("10 mx.fernhaus.de.",))
        assert server.asked == ["TXT fernhaus.de", "MX fernhaus.de"]


def test_aliases_are_followed() -> None:
    """ESPs have their keys published as CNAMEs."""
    table = {"CNAME s1._domainkey.fernhaus.de": ["s1.esp.net."], "TXT s1.esp.net": [LONG]}
    with serving(ROOT | table) as server:
        [key] = look_for_keys("fernhaus.de", ("s1",), DnsResolver(server.address)).usable
    assert (key.bits, key.domain) == (2048, "fernhaus.de")


def test_a_no_is_believed_from_a_server_that_knows_the_root() -> None:
    """Neither a name that does not exist nor one without such records has any; the root is asked for once."""
    with serving(ROOT | {"A fernhaus.de": ["203.0.113.9"]}) as server:
        resolver = DnsResolver(server.address)
        assert [resolver.look_up(name, "TXT") for name in ("gone.de", "fernhaus.de", "gone.net")] == [Nothing()] * 3
        assert server.asked.count("NS .") == 1


def test_a_no_is_not_believed_from_a_server_that_denies_everything() -> None:
    """As in a sandbox: then nobody knows."""
    with serving({}) as server:
        answer = DnsResolver(server.address).look_up("gmail.com", "MX")
    assert answer == Unanswered("the name server here does not know the public DNS")


def test_silence_is_waited_for_once() -> None:
    """After one question without an answer no other is asked."""
    with serving({"TXT slow.de": ["SILENCE"], "TXT fernhaus.de": ['"x"']}) as server:
        resolver = DnsResolver(server.address, patience=0.2)
        assert [resolver.look_up(name, "TXT") for name in ("slow.de", "fernhaus.de")] == [Unanswered("the DNS does not answer here")] * 2
        assert "TXT fernhaus.de" not in server.asked


def test_a_port_where_nobody_listens_is_silence() -> None:
    """A refused question is no answer."""
    with serving({}) as server:
        address = server.address
    assert isinstance(DnsResolver(address, patience=0.2).look_up("fernhaus.de", "TXT"), Unanswered)


def test_a_failing_server_leaves_others_to_be_asked() -> None:
    """SERVFAIL is about one name."""
    with serving(ROOT | {"TXT broken.de": ["SERVFAIL"], "TXT fernhaus.de": ['"x"']}) as server:
        resolver = DnsResolver(server.address, patience=1.0)
        assert resolver.look_up("broken.de", "TXT") == Unanswered("the name server gives no answer for broken.de")
        assert resolver.look_up("fernhaus.de", "TXT") == Records(("x",))


@pytest.mark.parametrize("name", ["a..b", "x" * 64 + ".de", "x." * 130 + "de", "ü" * 70 + ".de", ""])
def test_names_that_cannot_be_asked_for_are_told(name: str) -> None:
    """Never an exception."""
    with serving(ROOT) as server:
        assert not isinstance(DnsResolver(server.address).look_up(name, "TXT"), Records)


@pytest.mark.parametrize("server", ["dns.google", "127.0.0.1:", "127.0.0.1:0", "127.0.0.1:65536", "[::1", "::1:x", "127.0.0.1:53:53"])
def test_a_name_server_is_an_address(server: str) -> None:
    """Anything else is a mistake that names the setting."""
    with pytest.raises(InputError, match="dns_server"):
        DnsResolver(server)


@pytest.mark.parametrize("server", ["192.0.2.1", "192.0.2.1:5353", "::1", "[::1]", "[::1]:5353"])
def test_addresses_of_both_kinds_are_taken(server: str) -> None:
    """With a port or without."""
    DnsResolver(server)


def test_a_domain_that_is_set_up_passes_every_check(tmp_path_factory: pytest.TempPathFactory) -> None:
    """SPF by include, DKIM by alias, DMARC with p=none: over the wire, as a receiver would ask."""
    table = {
        "TXT fernhaus.de": ['"v=spf1 include:sendgrid.net -all"'],
        "TXT sendgrid.net": ['"v=spf1 ip4:192.0.2.0/24 ~all"'],
        "CNAME s1._domainkey.fernhaus.de": ["s1.esp.net."],
        "TXT s1.esp.net": [LONG],
        "TXT _dmarc.fernhaus.de": ['"v=DMARC1; p=none; rua=mailto:dmarc@fernhaus.de"'],
    }
    with serving(ROOT | table) as server:
        seen = inspected(tmp_path_factory.mktemp("set-up"), esp=SENDGRID, names=DnsResolver(server.address), recipients=10_000)
        assert [levels(check, seen) for check in (spf, dkim, dmarc, alignment)] == [[Level.PASS]] * 4
