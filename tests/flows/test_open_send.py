"""What is checked before a send is opened, what stops it, and who answers for what was let through."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from delivery.compliance.acceptance import acceptance_of
from delivery.compliance.report import CheckId, Level
from domain.audit import Deed
from domain.errors import InputError, InvalidInput
from domain.ids import SendId
from flows.check_send import check_send
from flows.open_send import open_send
from flows.plan_send import checked_content, planned_send
from runtime.house import House
from tests.delivery.test_compliance_records import RSA_2048
from tests.flows.conftest import AT, CAMPAIGN, write
from tests.runtime.name_server import ROOT, serving

SEND = SendId("weekly-20261123T090000Z")
REAL = CAMPAIGN.replace("letters@fern.example", "letters@fernhaus.de")


def campaign(house: House, text: str) -> None:
    """Write campaign.yaml anew."""
    write(house.settings.campaigns_folder / "weekly" / "campaign.yaml", text)


def spoil(house: House) -> None:
    """Leave a merge tag of another system in a block."""
    path = house.settings.campaigns_folder / "weekly" / "hero" / "spring.mjml"
    write(path, path.read_text().replace("spring.</mj-text>", "spring, *|FNAME|*.</mj-text>"))


def test_first_use_is_opened_without_a_question(house: House, people: Callable[[int], None]) -> None:
    """On the defaults: a folder, an example's domain, links to this machine. The trail says who opened it, and what was found."""
    people(60)
    assert open_send.fn("weekly", AT, "Ann") == SEND
    send = house.send(SEND)
    assert (send.opened_by, send.sender_domain) == ("Ann", "fern.example")
    [opened] = house.audit.of(SEND)
    assert (opened.who, opened.what, opened.detail["stop"]) == ("Ann", Deed.OPENED, 0)
    assert opened.detail["content_version"] == send.content_version


def test_a_schedule_opens_a_send_in_nobodys_name(house: House, people: Callable[[int], None]) -> None:
    """Then anybody may approve it."""
    people(60)
    open_send.fn("weekly", AT)
    assert house.send(SEND).opened_by is None and house.audit.of(SEND)[0].who == "letterpress"


def test_what_is_found_stops_the_send_before_anything_is_kept(house: House, people: Callable[[int], None]) -> None:
    """With check, file, line, hint and the way out; no send, no content, no entry in the trail."""
    people(60)
    spoil(house)
    with pytest.raises(InvalidInput) as caught:
        open_send.fn("weekly", AT, "Ann")
    told = str(caught.value)
    assert "templates/weekly/hero/spring.mjml:5: merge_tags: readers would see *|FNAME|*" in told and "--accept merge_tags" in told
    assert house.sends.list() == [] and house.audit.of() == []


def test_what_is_accepted_is_on_record_with_who_and_why(house: House, people: Callable[[int], None]) -> None:
    """An entry per finding, before that of the opening; opening again adds nothing."""
    people(60)
    spoil(house)
    accepting = acceptance_of(["merge_tags", "spf"], "the block is about merge tags")
    open_send.fn("weekly", AT, "Ann", accepting)
    open_send.fn("weekly", AT, "Bob", accepting)
    trail = house.audit.of(SEND)
    assert [entry.what for entry in trail] == [Deed.ACCEPTED, Deed.ACCEPTED, Deed.OPENED]
    assert {(entry.who, entry.why, entry.detail["check"], entry.detail["level"]) for entry in trail[:2]} == {
        ("Ann", "the block is about merge tags", "spf", "unchecked"),
        ("Ann", "the block is about merge tags", "merge_tags", "stop"),
    }


def test_accepting_something_else_opens_nothing(house: House, people: Callable[[int], None]) -> None:
    """Each check is accepted by its own name."""
    people(60)
    spoil(house)
    with pytest.raises(InputError, match="merge_tags"):
        open_send.fn("weekly", AT, "Ann", acceptance_of(["spf"], "why"))
    assert house.sends.list() == []


def test_links_to_this_machine_stop_a_send_to_people(house: House, people: Callable[[int], None]) -> None:
    """Before its ESP is asked whether it is there."""
    people(60)
    campaign(house, REAL + "esp: sendgrid://:KEY@\n")
    with serving(ROOT) as server:
        monkeyed = replace(house, settings=replace(house.settings, dns_server=server.address))
        content = checked_content(monkeyed, "weekly")
        report = check_send(monkeyed, planned_send(monkeyed, content, AT, AT), content)
    found = {one.check: one for one in report.stops}
    assert CheckId.PUBLIC_URL in found and "127.0.0.1" in found[CheckId.PUBLIC_URL].found


def test_settings_reach_the_checks(house: House, people: Callable[[int], None]) -> None:
    """The name server and the selectors of the installation are those that are asked, over the wire."""
    people(60)
    campaign(house, REAL + "esp: sendgrid://:KEY@\n")
    table = {"TXT own._domainkey.fernhaus.de": [f'"v=DKIM1; p={RSA_2048[:200]}" "{RSA_2048[200:]}"']}
    with serving(ROOT | table) as server:
        settings = replace(
            house.settings, dns_server=server.address, dkim_selectors=" own , gone ", public_url="https://letters.fernhaus.de"
        )
        content = checked_content(house, "weekly")
        send = replace(planned_send(house, content, AT, AT), public_url=settings.public_url)
        levels = {one.check: one.level for one in check_send(replace(house, settings=settings), send, content).findings}
    assert (levels[CheckId.DKIM], levels[CheckId.ALIGNMENT], levels[CheckId.DMARC]) == (Level.PASS, Level.PASS, Level.WARN)
    assert levels[CheckId.PUBLIC_URL] is Level.STOP  # the table has no such host


def test_a_selector_that_is_none_is_a_mistake(house: House, people: Callable[[int], None]) -> None:
    """It names the setting."""
    people(10)
    content = checked_content(house, "weekly")
    with pytest.raises(InputError, match="dkim_selectors"):
        check_send(replace(house, settings=replace(house.settings, dkim_selectors="s 1")), planned_send(house, content, AT, AT), content)


def test_one_unprintable_letter_does_not_stop_a_send(house: House, people: Callable[[int], None]) -> None:
    """It is warned of; the send counts it as failed, with its reason."""
    people(30)
    row = house.recipients.by_ids(["r1"]).assign(attributes='{"country": "DE"}')  # type: ignore[list-item]
    house.recipients.upsert(row, AT)
    content = checked_content(house, "weekly")
    report = check_send(house, planned_send(house, content, AT, AT), content)
    assert {one.level for one in report.findings if one.check is CheckId.PRINTABLE} == {Level.WARN} and not report.stops
