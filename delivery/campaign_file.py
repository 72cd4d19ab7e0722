"""campaign.yaml → Campaign."""

import re
from collections.abc import Mapping

from pydantic import TypeAdapter, ValidationError

from delivery.addresses import address_fault
from delivery.campaign_folder import CampaignFolder, SourceFile
from delivery.departure_check import check_departure
from delivery.experiment_check import check_experiments
from delivery.file_models import CampaignFile, Name, PlacementFile, read_model
from delivery.rollout_check import check_rollout
from delivery.surface_check import check_surface
from delivery.yaml_lines import Document, load
from domain.campaign import Campaign, Placement, Sender
from domain.errors import InvalidInput, Mistake
from domain.ids import CampaignId, PlacementId

_PLACEMENTS = TypeAdapter(dict[Name, PlacementFile])
_LIST_ID = re.compile(r"[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)+")


def read_campaign(folder: CampaignFolder) -> Campaign:
    """The campaign of a folder; its id is the folder's name. Raises InvalidInput with every mistake and its line."""
    source = folder.file_named("campaign.yaml")
    document = load(source.text, source.file)
    written = read_model(CampaignFile, document, source.file)
    if mistakes := [*_mistakes(written, document, source.file)]:
        raise InvalidInput(mistakes)
    return Campaign(
        campaign=CampaignId(folder.campaign),
        title=written.title,
        sender=written.sender,
        postal_address=written.postal_address or "",
        audience=written.audience,
        placements=_placements(folder.campaign, written.placements),
        list_id=written.list_id,
        topic=written.topic,
        esp=written.esp,
        goal=written.goal,
        holdout=written.holdout,
        policy=written.policy,
        caps=written.caps,
        quiet_hours=written.quiet_hours,
        once=written.once,
        attribution=written.attribution,
        departure=written.departure,
        waves=written.waves,
        variant_health=written.variant_health,
        experiments=written.experiments,
        rollout=written.rollout,
        refresh=written.refresh,
        approval=written.approval,
        permutations=written.permutations,
        file=f"{folder.campaign}/{source.name}",
        audience_line=text_line(document, source, "audience"),
    )


def placements_in(folder: CampaignFolder) -> tuple[Placement, ...]:
    """The placements alone, so that variants can be checked while something else in campaign.yaml is wrong; none if they are wrong."""
    source = folder.file_named("campaign.yaml")
    try:
        document = load(source.text, source.file)
        written = document.values.get("placements") if isinstance(document.values, dict) else None
        return _placements(folder.campaign, _PLACEMENTS.validate_python(written))
    except (InvalidInput, ValidationError):
        return ()


def _placements(campaign: str, written: Mapping[str, PlacementFile]) -> tuple[Placement, ...]:
    return tuple(Placement(PlacementId(f"{campaign}.{name}"), name, one.positions, one.kind, one.web) for name, one in written.items())


def text_line(document: Document, source: SourceFile, key: str) -> int:
    """The line on which a key's text begins: the next one when it is written as a block (`key: |` or `key: >`)."""
    line = document.line_of((key,))
    written = source.text.split("\n")[line - 1].partition(":")[2].strip()
    return line + 1 if written[:1] in ("|", ">") else line


def _mistakes(written: CampaignFile, document: Document, file: str) -> list[Mistake]:
    found = check_surface(written, document, file)
    if written.sender:
        found += _sender_mistakes(written.sender, document, file)
    if written.list_id and not _LIST_ID.fullmatch(written.list_id):
        found.append(
            Mistake(
                "list_id is no List-Id", file, document.line_of(("list_id",)), "words with dots between them, such as news.shop.example"
            )
        )
    found += check_experiments(written, document, file)
    found += check_departure(written, document, file) + check_rollout(written.rollout, document, file)
    return found


def _sender_mistakes(sender: Sender, document: Document, file: str) -> list[Mistake]:
    found = [
        Mistake(f"sender.{key}: {fault}", file, document.line_of(("sender", key)))
        for key, address in (("address", sender.address), ("reply_to", sender.reply_to))
        if address is not None and (fault := address_fault(address))
    ]
    if any(c < " " for c in sender.name):
        found.append(Mistake("sender.name has to be one line", file, document.line_of(("sender", "name"))))
    return found
