"""What a campaign has to say, and cannot say, by where people see it: letters have a sender and a subject, pages have neither."""

from collections.abc import Iterator

from delivery.file_models import CampaignFile, nearest
from delivery.yaml_lines import Document
from domain.campaign import PlacementKind
from domain.errors import Mistake

_FOR_LETTERS = (  # keys of campaign.yaml that mean nothing where nothing is handed off
    *("sender", "postal_address", "list_id", "topic", "esp", "once", "caps", "quiet_hours", "departure", "waves", "approval"),
)


def check_surface(written: CampaignFile, document: Document, file: str) -> list[Mistake]:
    """Every mistake of a campaign.yaml in what its surface asks for, and in what it publishes for pages."""
    kinds = [placement.kind for placement in written.placements.values()]
    own = kinds.count(PlacementKind.WEB)
    line = document.line_of(("placements",))
    if own and own < len(kinds):
        hint = "give pages a campaign of their own, or write `web: true` for a block that pages show as well"
        return [Mistake("a campaign is for letters or for pages, not both", file, line, hint)]
    found = _of_pages(written, document, file) if own else _of_letters(written, document, file)
    return [*found, *_published(written, document, file)]


def _of_letters(written: CampaignFile, document: Document, file: str) -> Iterator[Mistake]:
    for key in ("sender", "postal_address"):
        if getattr(written, key) is None:
            yield Mistake(f"{key} is missing", file, document.line_of((key,)))
    if "refresh" in written.model_fields_set:
        yield Mistake("refresh is for campaigns on pages: this one is sent", file, document.line_of(("refresh",)), "delete it")
    subjects = [name for name, placement in written.placements.items() if placement.kind is PlacementKind.SUBJECT]
    if len(subjects) != 1:
        line, hint = document.line_of(("placements",)), "exactly one, such as `subject: {kind: subject}`"
        yield Mistake(f"{len(subjects) or 'no'} placements of kind subject", file, line, hint)
    elif written.placements[subjects[0]].positions != 1:
        line = document.line_of(("placements", subjects[0], "positions"))
        yield Mistake("a letter has one subject line", file, line, "positions: 1")


def _of_pages(written: CampaignFile, document: Document, file: str) -> Iterator[Mistake]:
    for key in _FOR_LETTERS:
        if key in written.model_fields_set:
            yield Mistake(f"{key} is for letters: this campaign has none", file, document.line_of((key,)), "delete it")


def _published(written: CampaignFile, document: Document, file: str) -> Iterator[Mistake]:
    for name, placement in written.placements.items():
        if placement.web and placement.kind is not PlacementKind.BLOCK:
            hint = "a placement of kind web is shown by pages anyway; pages have no subject"
            yield Mistake(f"{name}: web: true is for blocks of letters", file, document.line_of(("placements", name, "web")), hint)
    for number, group in enumerate(written.permutations):
        line = document.line_of(("permutations", number))
        yield from (Mistake(what, file, line, hint) for what, hint in _of_group(written, group))


def _of_group(written: CampaignFile, group: tuple[str, ...]) -> Iterator[tuple[str, str | None]]:
    known = {n: one for n, one in written.placements.items() if one.web or one.kind is PlacementKind.WEB}
    for name in group:
        if name not in known:
            yield f"permutations: {name!r} is no published placement", nearest(name, dict(known))
        elif known[name].positions > 1:
            yield f"permutations: {name} has {known[name].positions} positions", "only placements of one position can be combined"
    if len(set(group)) < len(group):
        yield "permutations: a placement is named twice in one group", None
