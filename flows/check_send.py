"""Check a send before it is opened: its content, sample letters, and what the DNS says of its sender. Writes nothing."""

from pathlib import Path

from delivery.campaign_folder import read_folder
from delivery.compliance.check import check
from delivery.compliance.dkim import is_selector
from delivery.compliance.inspection import Inspection
from delivery.compliance.report import Report
from delivery.compliance.route import route_of
from delivery.esp.address import parse_address
from domain.content import Content
from domain.errors import InputError
from domain.send import Send
from flows.take_sample import take_sample
from runtime.dns import DnsResolver
from runtime.house import House


def check_send(house: House, send: Send, content: Content) -> Report:
    """The report on a send as it was planned. InputError for settings that cannot be read."""
    sample, settings = take_sample(house, send, content), house.settings
    _, folder = house.campaign_folder(send.campaign)
    return check(
        Inspection(
            content=content,
            route=route_of(parse_address(content.campaign.esp or settings.esp, home=settings.home)),
            public_url=send.public_url,
            recipients=house.recipients.count(),
            samples=tuple(sample.letters),
            unprintable=sample.unprintable,
            sources={source.file: source.text for source in read_folder(Path(folder)).files},
            resolver=DnsResolver(settings.dns_server),
            selectors=_selectors(settings.dkim_selectors),
        )
    )


def _selectors(setting: str) -> tuple[str, ...]:
    selectors = tuple(name for part in setting.split(",") if (name := part.strip()))
    if wrong := [name for name in selectors if not is_selector(name)]:
        raise InputError(f"{wrong[0]!r} is no DKIM selector", where="dkim_selectors", hint="such as s1,s2")
    return selectors
