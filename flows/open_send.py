"""Open a send: check all that can be checked before anybody is written to, then freeze what it is made of."""

from collections.abc import Sequence
from contextlib import closing
from datetime import datetime

from prefect import task
from prefect.cache_policies import NO_CACHE

from delivery.compliance.acceptance import Acceptance, settle
from delivery.compliance.report import Finding, Level, Report
from domain.audit import AuditEntry, Deed
from domain.campaign import Surface
from domain.ids import SendId, send_id_of
from domain.send import Send
from flows.check_send import check_send
from flows.open_esp import open_esp
from flows.pause_send import BY_ITSELF
from flows.plan_send import checked_content, planned_send, require_surface
from runtime.clock import now
from runtime.house import House, shared_house

_NOTHING = Acceptance()


@task(name="open send", cache_policy=NO_CACHE)
def open_send(campaign: str, scheduled_at: datetime, by: str | None = None, accepting: Acceptance = _NOTHING) -> SendId:
    """The id of the campaign's send at this instant: opened now, or found as it was opened before.

    `by`: who opens it; None for a schedule. InvalidInput with every finding that stops it and is not accepted.
    """
    house = shared_house()
    name, _ = house.campaign_folder(campaign)
    if found := house.sends.get(send_id_of(name, scheduled_at)):
        return found.send_id
    at, content = now(), checked_content(house, campaign)
    require_surface(content, Surface.MAIL)
    send = planned_send(house, content, scheduled_at, at, by)
    report = check_send(house, send, content)
    accepted = settle(report, accepting)
    with closing(open_esp(house, content.campaign)) as esp:
        esp.check()
    house.decisions.check()
    house.contents.save(content, at)
    house.holdouts.record_definition(name, content.campaign.holdout, at)
    _write_down(house, send, accepted, accepting.because)  # before it is opened: nothing goes out that nobody answers for
    opened = house.sends.open(send, at)
    house.audit.add(AuditEntry(at, by or BY_ITSELF, Deed.OPENED, opened.send_id, detail=_facts(send, report)))
    return opened.send_id


def _write_down(house: House, send: Send, accepted: Sequence[Finding], because: str) -> None:
    for one in accepted:
        detail = {"check": one.check.value, "level": one.level.value, "found": one.found}
        house.audit.add(AuditEntry(send.as_of, send.opened_by or BY_ITSELF, Deed.ACCEPTED, send.send_id, because, detail))


def _facts(send: Send, report: Report) -> dict[str, str | int | float]:
    """What the trail keeps of a send that was opened."""
    found = {level.value: report.counts[level] for level in (Level.STOP, Level.WARN, Level.UNCHECKED)}
    rollout: dict[str, str | float] = {"candidate": send.candidate_version, "share": send.rollout_share} if send.candidate_version else {}
    return {"content_version": send.content_version, "esp": send.esp, **found, **rollout}
