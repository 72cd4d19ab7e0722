"""A small campaign under inspection, to change one thing of; and a DNS that answers from a table."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

from delivery.campaign_folder import read_folder
from delivery.compile import compile_campaign
from delivery.compliance.covering import covering_slates
from delivery.compliance.inspection import Inspection, Sample, sample_of
from delivery.compliance.lookup import Answer, Kind, Nothing, Records, Resolver, Unanswered
from delivery.compliance.report import Finding, Level
from delivery.compliance.route import route_of
from delivery.compose import Composer
from delivery.esp.address import parse_address
from delivery.links import Signer
from delivery.mime import RenderError
from domain.recipient import Recipient
from tests.delivery.campaigns import CAMPAIGN, KEYS, send_of, write

FOLDER, RELAY, SENDGRID = "folder:var/mailbox", "smtp://relay.fernhaus.de:587", "sendgrid://:KEY@"
URL = "https://letters.fernhaus.de"
REAL = CAMPAIGN.replace("news@shop.example", "news@fernhaus.de")  # From at a name that could be anybody's
PEOPLE = tuple(
    Recipient(f"r{n}", f"r{n}@mail.example", consent=True, attributes={"first_name": name})  # type: ignore[arg-type]
    for n, name in enumerate(("Ann", "Bob", "Chloé"))
)


class Names:
    """A DNS: `{"TXT fernhaus.de": ["v=spf1 -all"]}`. What is not in the table is not there; None is a question nobody answers."""

    def __init__(self, table: Mapping[str, Sequence[str] | None] | None = None) -> None:
        self.table = dict(table or {})
        self.asked: list[str] = []

    def look_up(self, name: str, kind: Kind) -> Answer:
        """As `Resolver`."""
        self.asked.append(f"{kind} {name}")
        found = self.table.get(f"{kind} {name}", ())
        if found is None:
            return Unanswered("the DNS does not answer here")
        return Records(tuple(found)) if found else Nothing()


def inspected(
    folder: Path,
    *,
    esp: str = FOLDER,
    public_url: str = URL,
    people: Sequence[Recipient] = PEOPLE,
    names: Resolver | None = None,
    recipients: int = 1_000,
    selectors: tuple[str, ...] = (),
    **changes: str | None,
) -> Inspection:
    """The campaign `news` under inspection, its files changed as `tests.delivery.campaigns.write` says."""
    where = write(folder, **({"campaign_DOT_yaml": REAL} | changes))
    content = compile_campaign(where)
    send = send_of(content, public_url=public_url)
    press = Composer(content, send, Signer(KEYS))
    everything = {p.placement: tuple(v.variant for v in content.of(p.placement)) for p in content.campaign.placements}
    samples, unprintable = list[Sample](), Counter[str]()
    for who, slate in covering_slates(content, [everything] * len(people)):
        try:
            samples.append(sample_of(people[who], slate, press.compose(people[who], slate), press.preview(people[who], slate)))
        except RenderError as error:
            unprintable[str(error)] += 1
    return Inspection(
        content=content,
        route=route_of(parse_address(esp)),
        public_url=public_url,
        recipients=recipients,
        samples=tuple(samples),
        unprintable=unprintable,
        sources={f"news/{source.name}": source.text for source in read_folder(where).files},
        resolver=names or Names(),
        selectors=selectors,
    )


def found(check: Callable[[Inspection], Iterable[Finding]], seen: Inspection) -> list[tuple[str, str]]:
    """What a check finds, as level and words."""
    return [(one.level.value, one.found) for one in check(seen)]


def levels(check: Callable[[Inspection], Iterable[Finding]], seen: Inspection) -> list[Level]:
    """What a check finds, as levels alone."""
    return [one.level for one in check(seen)]


def places(check: Callable[[Inspection], Iterable[Finding]], seen: Inspection) -> list[str | None]:
    """Where a check finds it."""
    return [one.where for one in check(seen)]
