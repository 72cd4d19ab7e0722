"""SPF, DKIM and DMARC records, as receivers read them."""

from base64 import b64encode

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from delivery.compliance.dkim import is_selector, key_in, look_for_keys
from delivery.compliance.dmarc import NoPolicy, Policy, find_policy
from delivery.compliance.lookup import Unanswered
from delivery.compliance.spf import MOST_LOOKUPS, follow, spf_records, terms_of
from delivery.compliance.tags import tags_of
from tests.delivery.compliance_cases import Names

NAME = st.from_regex(r"[a-z][a-z0-9_]{0,8}", fullmatch=True)
VALUE = st.text(st.characters(codec="ascii", exclude_characters=";", exclude_categories=["C", "Z"]), max_size=20)


def public_key(bits: int) -> str:
    """A new RSA key as a DKIM record has it."""
    key = generate_private_key(65537, bits).public_key()
    return b64encode(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).decode()


RSA_2048 = public_key(2048)


@given(st.dictionaries(NAME, VALUE, max_size=6), st.sampled_from([";", "; ", " ;  "]))
def test_tags_are_read_as_they_were_written(tags: dict[str, str], between: str) -> None:
    """A list of tags comes back, however the semicolons are spaced."""
    assert tags_of(between.join(f"{name}={value}" for name, value in tags.items())) == tags


@given(st.text(max_size=80))
def test_nonsense_is_no_record(text: str) -> None:
    """No text makes a reader fail."""
    tags_of(text)
    key_in(text, "s1", "shop.com")
    follow("shop.com", text, Names())
    find_policy("shop.com", Names({"TXT _dmarc.shop.com": [f"v=DMARC1;{text}"]}))


def test_a_tag_that_occurs_twice_makes_no_list() -> None:
    """RFC 6376 §3.2 forbids it, and receivers could read either."""
    assert tags_of("p=none; p=reject") is None


def test_only_spf_records_are_taken_for_such() -> None:
    """`v=spf10` and other TXT records of the domain are none."""
    assert spf_records(("v=spf1 -all", "V=SPF1", "v=spf10 -all", "google-site-verification=x")) == ("v=spf1 -all", "V=SPF1")


def test_includes_are_counted_through() -> None:
    """Each include, a and mx is a look-up, those of included records too; addresses are none."""
    names = Names({"TXT a.net": ["v=spf1 include:b.net mx ip4:192.0.2.0/24 -all"], "TXT b.net": ["v=spf1 a:c.net ?all"]})
    facts = follow("shop.com", "v=spf1 include:a.net ip6:2001:db8::/32 a/24 ~all", names)
    assert (facts.lookups, facts.included, facts.fault, facts.allows_all) == (5, ["a.net", "b.net"], None, False)


@given(st.integers(0, 14))
def test_more_than_ten_look_ups_are_a_fault(count: int) -> None:
    """Ten go, eleven do not."""
    facts = follow("shop.com", "v=spf1 " + "a " * count + "-all", Names())
    assert (facts.fault is not None) == (count > MOST_LOOKUPS)


def test_a_record_that_includes_itself_ends() -> None:
    """The limit on look-ups ends every circle."""
    facts = follow("shop.com", "v=spf1 include:shop.com -all", Names({"TXT shop.com": ["v=spf1 include:shop.com -all"]}))
    assert facts.fault == f"reading it takes more than {MOST_LOOKUPS} look-ups"


@pytest.mark.parametrize(
    ("record", "fault"),
    [
        ("v=spf1 ipv4:192.0.2.1 -all", "the record of shop.com holds 'ipv4:192.0.2.1', which SPF does not know"),
        ("v=spf1 include:none.net -all", "it includes none.net, which has no SPF record of its own"),
        ("v=spf1 redirect=none.net", "it includes none.net, which has no SPF record of its own"),
        ("v=spf1 include:two.net -all", "it includes two.net, which has no SPF record of its own"),
    ],
)
def test_what_makes_receivers_give_up_is_told(record: str, fault: str) -> None:
    """Permanent errors of RFC 7208, in words."""
    assert follow("shop.com", record, Names({"TXT two.net": ["v=spf1 -all", "v=spf1 -all"]})).fault == fault


def test_a_record_for_everybody_is_noticed() -> None:
    """`+all` and a bare `all` let everybody send; that of an included record does not."""
    assert follow("shop.com", "v=spf1 all", Names()).allows_all and follow("shop.com", "v=spf1 +all", Names()).allows_all
    assert not follow("shop.com", "v=spf1 include:a.net -all", Names({"TXT a.net": ["v=spf1 +all"]})).allows_all


def test_an_include_that_nobody_answers_for_leaves_doubt() -> None:
    """It is neither a fault nor fine, and macros are not looked up."""
    facts = follow("shop.com", "v=spf1 include:a.net include:%{i}.b.net -all", Names({"TXT a.net": None}))
    assert (facts.doubt, facts.fault, facts.lookups) == ("the DNS does not answer here", None, 2)


def test_terms_are_taken_apart() -> None:
    """Qualifier, name and value of each."""
    terms = terms_of("v=spf1 a mx:m.net/28 ~ip4:192.0.2.1 redirect=r.net exp=e.net")
    assert not isinstance(terms, str)
    assert [(t.qualifier, t.name, t.value) for t in terms] == [
        ("+", "a", ""),
        ("+", "mx", "m.net/28"),
        ("~", "ip4", "192.0.2.1"),
        ("", "redirect", "r.net"),
        ("", "exp", "e.net"),
    ]


def test_keys_are_read_with_their_strength() -> None:
    """RSA by its bits, Ed25519 by its name."""
    ed25519 = b64encode(Ed25519PrivateKey.generate().public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)).decode()
    assert key_in(f"v=DKIM1; k=rsa; p={RSA_2048}", "s1", "shop.com").bits == 2048
    key = key_in(f"v=DKIM1; k=ed25519; p={ed25519}", "s1", "shop.com")
    assert (key.kind, key.fault) == ("ed25519", None)


@pytest.mark.parametrize(
    ("record", "fault"),
    [
        ("v=DKIM1; p=", "was revoked (p= is empty)"),
        ("v=DKIM1; p=AAAA", "cannot be read"),
        ("v=DKIM2; p=AAAA", "cannot be read"),
        (f"v=DKIM1; p={public_key(1024)[:-8]}", "cannot be read"),
    ],
)
def test_keys_that_nothing_can_be_signed_with_are_told(record: str, fault: str) -> None:
    """Revoked, cut short, or of another version."""
    assert key_in(record, "s1", "shop.com").fault == fault


def test_a_key_of_512_bits_does_not_count() -> None:
    """RFC 8301: fewer than 1024 bits are not accepted."""
    short = (
        "MFwwDQYJKoZIhvcNAQEBBQADSwAwSAJBAMmyiGcjgEHYlQUtWy5yX4QQwL33/Nux3WtSZCPiZ+zO6ZgG5dUU0QAC4yN2fGMkNjP1oMj0nVxQ8u6DT8ykZb0CAwEAAQ=="
    )
    key = key_in(f"p={short}", "s1", "shop.com")
    assert key.bits == 512 and key.fault == "has 512 bits; fewer than 1024 are not accepted"


def test_keys_are_looked_for_above_the_domain_too() -> None:
    """A signature of the organisation's domain aligns with its subdomains."""
    names = Names({"TXT s1._domainkey.shop.com": [f"v=DKIM1; p={RSA_2048}"]})
    found = look_for_keys("letters.shop.com", ("s1",), names)
    assert [(key.selector, key.domain) for key in found.usable] == [("s1", "shop.com")]
    assert names.asked == ["TXT s1._domainkey.letters.shop.com", "TXT s1._domainkey.shop.com"]


def test_selectors_are_labels() -> None:
    """Dots are fine, blanks and underscores are not."""
    assert is_selector("s1") and is_selector("2026.letters") and not is_selector("s 1") and not is_selector("s1_") and not is_selector("")


@pytest.mark.parametrize(
    ("table", "policy"),
    [
        ({"TXT _dmarc.a.shop.com": ["v=DMARC1; p=reject; rua=mailto:x@shop.com"]}, ("reject", "a.shop.com", False)),
        ({"TXT _dmarc.shop.com": ["v=DMARC1; p=reject; sp=none; adkim=s"]}, ("none", "shop.com", True)),
        ({"TXT _dmarc.shop.com": ["v=DMARC1; p=quarantine"]}, ("quarantine", "shop.com", False)),
        ({"TXT _dmarc.shop.com": ["v=DMARC1; rua=mailto:x@shop.com"]}, ("none", "shop.com", False)),
        ({"TXT _dmarc.a.shop.com": ["other"], "TXT _dmarc.shop.com": ["v=DMARC1;p=none"]}, ("none", "shop.com", False)),
    ],
)
def test_the_nearest_policy_holds(table: dict[str, list[str]], policy: tuple[str, str, bool]) -> None:
    """The domain's own record, else the one above it, for subdomains by `sp`."""
    found = find_policy("a.shop.com", Names(table))
    assert isinstance(found, Policy)
    assert (found.policy, found.domain, found.strict_dkim) == policy


@pytest.mark.parametrize(
    ("records", "why"),
    [
        ([], None),
        (["v=DMARC1; p=none", "v=DMARC1; p=reject"], "_dmarc.shop.com has 2 DMARC records, which counts as none"),
        (["v=DMARC1; p=sometimes"], "the record at _dmarc.shop.com names no policy (p=none, quarantine or reject)"),
        (["v=DMARC1; p"], "the record at _dmarc.shop.com cannot be read"),
        (["v=DMARC1; p=none; psd=y"], None),
    ],
)
def test_what_is_no_policy_is_told_from_one(records: list[str], why: str | None) -> None:
    """No record, several, and those that cannot be read."""
    assert find_policy("shop.com", Names({"TXT _dmarc.shop.com": records})) == NoPolicy(why)


def test_no_answer_is_not_taken_for_no_policy() -> None:
    """Even when the domain above would answer."""
    found = find_policy("a.shop.com", Names({"TXT _dmarc.a.shop.com": None, "TXT _dmarc.shop.com": ["v=DMARC1; p=none"]}))
    assert isinstance(found, Unanswered)
