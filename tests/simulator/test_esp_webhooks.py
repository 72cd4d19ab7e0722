"""The simulated ESP: what it tells of letters afterwards, how it signs it, and how often it says it."""

import hashlib
import hmac
import time
from base64 import b64decode
from collections import Counter
from collections.abc import Callable, Iterator, Mapping

import httpx
import orjson
import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.x509 import load_pem_x509_certificate

from domain.errors import InputError
from simulator.esp.handle import SimulatedEsp
from tests.simulator import esp_calls as calls
from tests.simulator.esp_calls import MANY, name
from tests.simulator.esp_receiver import Posted, Receiver, receiving

QUICK = "span=.05,late_seconds=.2,retry_seconds=.05"
IN_EVENTS = {"ConfigurationSetName": "letterpress"}


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """A receiver."""
    with receiving() as receiver:
        yield receiver


def _sendgrid(posted: Posted, keys: Mapping[str, str]) -> bool:
    public = serialization.load_der_public_key(b64decode(keys["sendgrid_public_key"]))
    assert isinstance(public, ec.EllipticCurvePublicKey)
    stamp = posted.headers["x-twilio-email-event-webhook-timestamp"].encode()
    signature = b64decode(posted.headers["x-twilio-email-event-webhook-signature"])
    try:
        public.verify(signature, stamp + posted.body, ec.ECDSA(hashes.SHA256()))
    except InvalidSignature:
        return False
    return True


def _mailgun(posted: Posted, keys: Mapping[str, str]) -> bool:
    given = posted.json["signature"]
    signed = (given["timestamp"] + given["token"]).encode()
    return hmac.new(keys["mailgun_signing_key"].encode(), signed, hashlib.sha256).hexdigest() == given["signature"]


def _resend(posted: Posted, keys: Mapping[str, str]) -> bool:
    signed = f"{posted.headers['svix-id']}.{posted.headers['svix-timestamp']}.".encode() + posted.body
    key = b64decode(keys["resend_signing_secret"].removeprefix("whsec_"))
    return "v1," + calls.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode() == posted.headers["svix-signature"]


def _basic(posted: Posted, keys: Mapping[str, str]) -> bool:
    return posted.headers["authorization"] == calls.basic(keys["basic_user"], keys["basic_password"])


def _sns(posted: Posted, keys: Mapping[str, str]) -> bool:
    told = posted.json
    names = ("Message", "MessageId", "Subject", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type")
    signed = "".join(f"{key}\n{told[key]}\n" for key in names if key in told).encode()
    public = load_pem_x509_certificate(keys["sns_certificate"].encode()).public_key()
    assert isinstance(public, rsa.RSAPublicKey)
    digest = hashes.SHA1() if told["SignatureVersion"] == "1" else hashes.SHA256()  # noqa: S303 - as SNS has it
    try:
        public.verify(b64decode(told["Signature"]), signed, padding.PKCS1v15(), digest)
    except InvalidSignature:
        return False
    return told["TopicArn"] == keys["sns_topic"]


VERIFIES: Mapping[str, Callable[[Posted, Mapping[str, str]], bool]] = {
    "sendgrid": _sendgrid,
    "mailgun": _mailgun,
    "resend": _resend,
    "ses": _sns,
    "postmark": _basic,
    "sparkpost": _basic,
    "mailjet": _basic,
    "brevo": _basic,
}


def _our_id_and_word(posted: Posted) -> list[tuple[str, str]]:  # noqa: PLR0911 - a table
    """Our message id and the provider's word for what happened, found where the provider's documentation says."""
    told = posted.json
    match posted.provider:
        case "sendgrid":
            return [(one["message_id"], one["event"]) for one in told]
        case "mailgun":
            return [(told["event-data"]["user-variables"]["message_id"], told["event-data"]["event"])]
        case "resend":
            return [(told["data"]["tags"]["message_id"], told["type"])]
        case "postmark":
            return [(told["Metadata"]["message_id"], told["RecordType"])]
        case "mailjet":
            return [(one["CustomID"], one["event"]) for one in told]
        case "brevo":
            return [(orjson.loads(told["X-Mailin-custom"])["message_id"], told["event"])]
        case "sparkpost":
            events = [event for one in told for event in one["msys"].values()]
            return [(event["rcpt_meta"]["message_id"], event["type"]) for event in events]
        case _:
            message = orjson.loads(told["Message"])
            return [(message["mail"]["tags"]["message_id"][0], message["eventType"])]


WORDS = {
    "sendgrid": ("delivered", "bounce", "spamreport", "open", "click", "unsubscribe", "deferred"),
    "mailgun": ("delivered", "failed", "complained", "opened", "clicked", "unsubscribed", "failed"),
    "resend": ("email.delivered", "email.bounced", "email.complained", "email.opened", "email.clicked", None, "email.delivery_delayed"),
    "postmark": ("Delivery", "Bounce", "SpamComplaint", "Open", "Click", "SubscriptionChange", None),
    "sparkpost": ("delivery", "bounce", "spam_complaint", "open", "click", "list_unsubscribe", "delay"),
    "mailjet": ("sent", "bounce", "spam", "open", "click", "unsub", None),
    "brevo": ("delivered", "hard_bounce", "complaint", "opened", "click", "unsubscribed", "deferred"),
    "ses": ("Delivery", "Bounce", "Complaint", "Open", "Click", "Subscription", "DeliveryDelay"),
}
KINDS = ("delivered", "bounced", "complained", "opened", "clicked", "unsubscribed", "deferred")


def _hand_over(esp: SimulatedEsp, provider: str, numbers: range) -> None:
    call = calls.ses_bulk(numbers, **IN_EVENTS) if provider == "ses" else MANY[provider](numbers)
    assert call.to(esp.url).status_code < 300


def _confirmed(esp: SimulatedEsp, receiver: Receiver) -> None:
    """Do as SNS asks first."""
    end = time.monotonic() + 10
    while not receiver.posted and time.monotonic() < end:
        time.sleep(0.01)
    [asked] = receiver.posted
    assert (asked.headers["x-amz-sns-message-type"], asked.json["Type"]) == ("SubscriptionConfirmation", "SubscriptionConfirmation")
    assert _sns(asked, esp.keys())
    receiver.posted.clear()
    assert httpx.get(asked.json["SubscribeURL"], verify=str(esp.certificate)).status_code == 200


@pytest.mark.parametrize("provider", MANY)
def test_each_provider_in_its_own_words(esp: SimulatedEsp, receiver: Receiver, provider: str) -> None:
    """Every kind of event is told in the provider's words, with our id where it belongs, and is signed as the provider signs."""
    esp.set_events(receiver.url, f"{QUICK},delivered=0")
    _hand_over(esp, provider, range(1, 2))
    for kind in KINDS:
        esp.make_event(name(1), kind, url="https://shop.example/x")
        if provider == "ses" and kind == KINDS[0]:
            _confirmed(esp, receiver)
    esp.wait_until_told()
    assert all(VERIFIES[provider](one, esp.keys()) for one in receiver.posted)
    told = Counter(pair for one in receiver.posted for pair in _our_id_and_word(one))
    assert told == Counter((name(1), word) for word in WORDS[provider] if word)


@pytest.mark.parametrize("version", [1, 2])
def test_sns_signatures(esp: SimulatedEsp, receiver: Receiver, version: int) -> None:
    """SNS signs by either version, and the certificate stands where the post says that it stands."""
    esp.set_events(receiver.url, f"{QUICK},sns_version={version}")
    _hand_over(esp, "ses", range(3))
    _confirmed(esp, receiver)
    esp.wait_until_told()
    assert len(receiver.posted) == 3
    for one in receiver.posted:
        assert (one.json["SignatureVersion"], _sns(one, esp.keys())) == (str(version), True)
        changed = Posted("ses", one.headers, one.body.replace(b"Delivery", b"Delivers"))
        assert not _sns(changed, esp.keys())
    told = receiver.posted[0].json["SigningCertURL"]
    assert httpx.get(told, verify=str(esp.certificate)).text == esp.keys()["sns_certificate"]


def test_ses_tells_nothing_without_a_configuration_set(esp: SimulatedEsp, receiver: Receiver) -> None:
    """Without a configuration set SES publishes no events."""
    esp.set_events(receiver.url, QUICK)
    calls.ses_bulk(range(2)).to(esp.url)
    assert esp.wait_until_told()["emitted"] == 0


def test_fates_by_address(esp: SimulatedEsp, receiver: Receiver) -> None:
    """A recipient whose name says so bounces, complains or unsubscribes, whatever the shares."""
    esp.set_events(receiver.url, QUICK)
    names = ("ada+bounce", "complain", "unsubscribe.me", "softbounce", "ada")
    recipients = [f"{mailbox}@example.org" for mailbox in names]
    personalizations = [{"to": [{"email": one}], "custom_args": {"message_id": name(at)}} for at, one in enumerate(recipients)]
    calls.sendgrid(personalizations=personalizations).to(esp.url)
    esp.wait_until_told()
    told = {(event["email"], event["event"]) for one in receiver.posted for event in one.json}
    assert told == {
        (recipients[0], "bounce"),
        (recipients[1], "delivered"),
        (recipients[1], "spamreport"),
        (recipients[2], "delivered"),
        (recipients[2], "open"),
        (recipients[2], "unsubscribe"),
        (recipients[3], "bounce"),
        (recipients[4], "delivered"),
    }


def test_in_batches(esp: SimulatedEsp, receiver: Receiver) -> None:
    """SendGrid tells many events in one post, no more than asked; Postmark one at a time."""
    esp.set_events(receiver.url, f"span=0,batch=40,{QUICK.partition(',')[2]}")
    _hand_over(esp, "sendgrid", range(100))
    _hand_over(esp, "postmark", range(10))
    esp.wait_until_told()
    sizes = [len(one.json) for one in receiver.posted if one.provider == "sendgrid"]
    assert (sum(sizes), max(sizes)) == (100, 40)
    assert sum(one.provider == "postmark" for one in receiver.posted) == 10


def test_late_twice_and_out_of_order(esp: SimulatedEsp, receiver: Receiver) -> None:
    """Events come late, twice with the same id, and in another order than they happened, in the shares asked for."""
    esp.set_events(receiver.url, f"{QUICK},opened=1,clicked=1,late=.3,twice=.5,shuffled=1,batch=7")
    _hand_over(esp, "sendgrid", range(200))
    told = esp.wait_until_told()
    events = [event for one in receiver.posted for event in one.json]
    times = Counter(event["sg_event_id"] for event in events)
    assert (told["emitted"], len(times), set(times.values())) == (600, 600, {1, 2})
    assert 200 < sum(count == 2 for count in times.values()) < 400
    first_seen = {event["sg_event_id"]: place for place, event in reversed(list(enumerate(events)))}
    order = {(event["message_id"], event["event"]): first_seen[event["sg_event_id"]] for event in events}
    early = sum(order[name(number), "open"] < order[name(number), "delivered"] for number in range(200))
    assert 40 < early < 160


def test_again_until_it_is_taken(esp: SimulatedEsp, receiver: Receiver) -> None:
    """A post that is not taken is made again, newly signed, until it is; every event is taken once in the end."""
    receiver.refusing = 5
    esp.set_events(receiver.url, f"{QUICK},batch=10")
    _hand_over(esp, "sendgrid", range(50))
    told = esp.wait_until_told()
    ids = [event["sg_event_id"] for one in receiver.posted for event in one.json]
    assert (len(ids), len(set(ids)), told["repeated"], told["given_up"]) == (50, 50, 5, 0)
    assert all(_sendgrid(one, esp.keys()) for one in (*receiver.posted, *receiver.refused))


def test_gives_up(esp: SimulatedEsp, receiver: Receiver) -> None:
    """An event that is never taken is given up after as many tries as were asked for."""
    receiver.refusing = 1_000
    esp.set_events(receiver.url, f"{QUICK},retries=2")
    _hand_over(esp, "postmark", range(3))
    told = esp.wait_until_told()
    assert (told["given_up"], told["posted"], told["taken"]) == (3, 9, 0)


@pytest.mark.parametrize("provider", ["sendgrid", "mailgun", "resend", "postmark"])
def test_forgeries_and_broken_posts(esp: SimulatedEsp, receiver: Receiver, provider: str) -> None:
    """Between the true posts come forged ones that do not verify and name other events, and ones that cannot be read."""
    esp.set_events(receiver.url, f"{QUICK},forged=1,malformed=1")
    _hand_over(esp, provider, range(5))
    told = esp.wait_until_told()
    readable = [one for one in receiver.posted if _readable(one)]
    true = [one for one in readable if VERIFIES[provider](one, esp.keys())]
    assert told["forged"] == len(readable) - len(true) == len(receiver.posted) - len(readable) == told["malformed"]
    assert Counter(pair for one in true for pair in _our_id_and_word(one)) == Counter((name(n), WORDS[provider][0]) for n in range(5))


def _readable(posted: Posted) -> bool:
    try:
        return bool(posted.json)
    except ValueError:
        return False


def test_events_are_listed(esp: SimulatedEsp, receiver: Receiver) -> None:
    """Everything that happened can be listed, once each, for tests to compare with what was stored; the same seed, the same fates."""
    lists = []
    for _ in range(2):
        esp.reset()
        esp.set_events(receiver.url, f"{QUICK},opened=.5,bounced=.2,twice=1")
        _hand_over(esp, "brevo", range(100))
        esp.wait_until_told()
        lists.append([(event["event_id"], event["kind"], event["message_id"]) for event in esp.events()])
    assert sorted(lists[0]) == sorted(lists[1])
    kinds = Counter(kind for _, kind, _ in lists[0])
    assert (kinds["bounced"] + kinds["delivered"], len({event for event, _, _ in lists[0]})) == (100, len(lists[0]))
    assert 10 < kinds["bounced"] < 35


def test_tells_this_machine_only(esp: SimulatedEsp) -> None:
    """It posts to loopback and nowhere else; mistakes in what is to happen are told."""
    for url in ("https://example.com/hooks", "http://10.0.0.1/", "ftp://127.0.0.1/", "nonsense"):
        with pytest.raises(InputError, match="this machine only"):
            esp.set_events(url)
    for spec, words in (("eaten=.1", "no 'eaten'"), ("opened=5", "number from 0 to 1")):
        with pytest.raises(InputError, match=words):
            esp.set_events("http://127.0.0.1:9/", spec)
    with pytest.raises(InputError, match="no 'eaten'"):
        calls.resend().to(esp.url)
        esp.make_event(name(1), "eaten")
