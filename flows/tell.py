"""Tell the people who run Letterpress that a send has paused itself, or a rollout has taken a step.

In the log, as a Prefect event, by POST and by mail.
"""

import logging
from collections.abc import Iterator
from contextlib import closing, contextmanager

import httpx
from prefect import get_run_logger
from prefect.events import emit_event

from delivery.addresses import address_fault
from delivery.answers import Accepted
from delivery.esp import build_esp
from delivery.notices import SIGNATURE_HEADER, Notice, gate_notice, mail_of, signature, webhook_body
from delivery.stopping import SendStopped
from domain.audit import AuditEntry, Deed
from domain.campaign import Campaign
from domain.errors import InputError, LetterpressError, UnavailableError
from domain.send import Send
from runtime.clock import now, sleep
from runtime.house import House
from runtime.services import prefect_answers

ATTEMPTS = 4
_TIMEOUT = 10.0  # seconds
_FAULTS_OF_SERVERS = range(500, 600)
_TOO_MANY = 429
_log = logging.getLogger(__name__)


@contextmanager
def telling_of_gates(house: House, send: Send) -> Iterator[None]:
    """Within, a gate that trips is told of once everything that was on its way is settled."""
    before = len(_trips(house, send))
    try:
        yield
    except SendStopped:
        for entry in _trips(house, send)[before:]:
            tell(house, send, gate_notice(send, entry))
        raise


def tell(house: House, send: Send, notice: Notice) -> None:
    """Of a send, by every way there is. One that fails is logged and keeps nobody from the others."""
    get_run_logger().error("%s: %s", notice.title, notice.facts)
    _tell(house, notice, house.contents.load(send.content_version).campaign)


def tell_of_rollout(house: House, campaign: Campaign, notice: Notice) -> None:
    """Of a step that a rollout has taken, in the same ways."""
    _log.warning("%s: %s", notice.title, notice.facts)
    _tell(house, notice, campaign)


def _tell(house: House, notice: Notice, campaign: Campaign) -> None:
    for way in (_as_event, _by_post, _by_mail):
        try:
            way(house, notice, campaign)
        except Exception as error:  # whatever it is, what is told of has been done already and is written down
            text = str(error) if isinstance(error, LetterpressError) else type(error).__name__
            _log.error("%s: telling %s failed: %s", notice.about, way.__name__.lstrip("_").replace("_", " "), text)


def _trips(house: House, send: Send) -> list[AuditEntry]:
    return [entry for entry in house.audit.of(send.send_id) if entry.what is Deed.GATE_TRIPPED]


def _as_event(_house: House, notice: Notice, _campaign: Campaign) -> None:
    if not prefect_answers():  # a command without a server: Prefect's client would try for many seconds and then complain
        raise UnavailableError("Prefect's server does not answer")
    what = "send" if notice.send_id else "campaign"
    resource = {"prefect.resource.id": f"letterpress.{what}.{notice.about}", "prefect.resource.name": str(notice.about)}
    emit_event(f"letterpress.{what}.{notice.kind}", resource, payload={"title": notice.title, **notice.facts})


def _by_post(house: House, notice: Notice, _campaign: Campaign) -> None:
    """POST it; a server that is away or busy is tried again a few times, one that refuses it is not."""
    if not (url := house.settings.notify_url):
        return
    body, secret = webhook_body(notice), house.settings.notify_secret
    headers = {"Content-Type": "application/json"} | ({SIGNATURE_HEADER: signature(body, secret, now())} if secret else {})
    for attempt in range(1, ATTEMPTS + 1):
        failure = _post(url, body, headers)
        if failure is None:
            return
        if attempt < ATTEMPTS:
            sleep(2.0 ** (attempt - 1))
    raise UnavailableError(f"nobody took it in {ATTEMPTS} attempts; the last one: {failure}", where="notify_url")


def _post(url: str, body: bytes, headers: dict[str, str]) -> str | None:
    """None when it was taken, else why trying again may help. InputError when it was refused for good."""
    try:
        status = httpx.post(url, content=body, headers=headers, timeout=_TIMEOUT).status_code
    except httpx.HTTPError as error:
        return type(error).__name__
    if status in _FAULTS_OF_SERVERS or status == _TOO_MANY:
        return f"status {status}"
    if not httpx.codes.is_success(status):
        raise InputError(f"the server refused it with {status}", where="notify_url")
    return None


def _by_mail(house: House, notice: Notice, campaign: Campaign) -> None:
    """A mail through the installation's ESP, from the campaign's sender; from whom it goes to, if it has none."""
    if not (to := house.settings.notify_email):
        return
    if fault := address_fault(to):
        raise InputError(fault, where="notify_email")
    sender = campaign.sender.address if campaign.sender else to
    with closing(build_esp(house.settings.esp, home=house.settings.home)) as esp:
        [answer] = list(esp.hand_off([mail_of(notice, sender, to)]))
    if not isinstance(answer, Accepted):
        raise UnavailableError(f"{esp.name} did not take the mail: {type(answer).__name__}", where="notify_email")
