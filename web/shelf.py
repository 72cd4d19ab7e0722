"""What placements can show at present, as answers are put together from it: read in the background, so that no visitor waits for the
database, and held on to while that is away."""

import asyncio
import logging
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime

import orjson

from domain.content import Content
from domain.errors import LetterpressError, UnavailableError
from domain.ids import CampaignId, ContentVersion, PlacementId, VariantId
from domain.publication import Publication
from domain.variant_state import VariantKey
from web.parts import Contents, Placements, Sends

_log = logging.getLogger(__name__)
_FRESH_FOR_S = 15.0


@dataclass(frozen=True, slots=True)
class Piece:
    """A variant as it stands in answers: its JSON up to the decision id, and the published document, which goes in when it is asked for."""

    head: bytes
    document: bytes | None

    def shown(self, position: int, decision_id: bytes, inline: bool) -> bytes:
        """The JSON of one position. `decision_id`: in quotes, or null."""
        content = b',"content":' + (self.document or b"null") if inline else b""
        return b'{"position":%d,%b%b%b}' % (position, self.head, decision_id, content)


@dataclass(frozen=True, slots=True)
class Place:
    """A placement: what may be shown in it, and its default. `head`: the beginning of its answers. `default` by whether content goes in."""

    placement: PlacementId
    campaign: CampaignId
    head: bytes
    pieces: Mapping[VariantId, Piece]
    defaults: tuple[bytes, bytes]


@dataclass(frozen=True, slots=True)
class Shelf:
    """All placements, as of an instant (seconds since 1970)."""

    places: Mapping[str, Place]
    read_at: float


@dataclass(slots=True)
class Shelves:
    """The shelf of this process. Lives in one event loop."""

    contents: Contents
    sends: Sends
    parts: Placements
    clock: Callable[[], datetime]
    _shelf: Shelf | None = None
    _kept: dict[ContentVersion, Content] = field(default_factory=dict)
    _documents: dict[tuple[VariantKey, str], bytes] = field(default_factory=dict)
    _reading: "asyncio.Task[None] | None" = None

    async def ready(self) -> Shelf:
        """The shelf, read if there is none yet. Raises UnavailableError."""
        if self._shelf is None:
            self._shelf = await asyncio.to_thread(self._read)
        return self._shelf

    def at_hand(self, now: float) -> Shelf | None:
        """The shelf as it was last read; an old one is replaced behind the back of who asks. `now`: seconds since 1970."""
        shelf = self._shelf
        if shelf is not None and now - shelf.read_at >= _FRESH_FOR_S and (self._reading is None or self._reading.done()):
            self._reading = asyncio.create_task(self._renew())
        return shelf

    async def _renew(self) -> None:
        try:
            self._shelf = await asyncio.to_thread(self._read)
        except LetterpressError as error:
            _log.warning("placements are served as they were last known: %s", error)
            assert self._shelf is not None  # noqa: S101 - see at_hand
            self._shelf = Shelf(self._shelf.places, self.clock().timestamp())  # tried again when that is old

    def _read(self) -> Shelf:
        at = self.clock()
        published = self.parts.publications.served(None, at)
        contents = list(self._contents({placement for placement, _ in published}))
        self._kept = {content.content_version: content for content in contents}
        self._documents = {key: self._document(*key) for key in ((one.key, one.digest) for one in published.values())}
        return Shelf({place.placement: place for content in contents for place in self._places(content, published)}, at.timestamp())

    def _contents(self, published: set[PlacementId]) -> Iterator[Content]:
        """Of each campaign that of its latest send; of one that was never sent, and has published, the latest there is."""
        versions = self.sends.contents()
        yield from (self._kept.get(version) or self.contents.load(version) for version in versions.values())
        campaigns = {CampaignId(placement.rpartition(".")[0]) for placement in published if "+" not in placement}
        yield from (found for campaign in sorted(campaigns - versions.keys()) if (found := self.contents.latest(campaign)))

    def _document(self, key: VariantKey, version: str) -> bytes:
        """What was published, word for word; `null` where the files are out of reach."""
        if (key, version) in self._documents:
            return self._documents[key, version]
        try:
            return self.parts.document(*key, version) or b"null"
        except UnavailableError as error:
            _log.warning("content cannot be put into answers: %s", error)
            return b"null"

    def _places(self, content: Content, published: Mapping[VariantKey, Publication]) -> Iterator[Place]:
        for one in content.campaign.placements:
            ids = [key[1] for key in published if key[0] == one.placement]
            if not one.published:  # a letter's own: pages may show what they have under the variant's name
                ids = [variant.variant for variant in content.of(one.placement)]
            pieces = {variant: self._piece(published.get((one.placement, variant)), variant) for variant in ids}
            slate = content.default_slate(one.placement)
            head = b'{"placement":%b,' % orjson.dumps(one.placement)
            shown = [(position, pieces.get(variant) or self._piece(None, variant)) for position, variant in enumerate(slate, start=1)]
            short, full = (b",".join(piece.shown(n, b"null", inline) for n, piece in shown) for inline in (False, True))
            yield Place(one.placement, content.campaign.campaign, head, pieces, (default_answer(head, short), default_answer(head, full)))

    def _piece(self, publication: Publication | None, variant: VariantId) -> Piece:
        url = orjson.dumps(publication.url if publication else None)
        head = b'"variant":%b,"content_url":%b,"decision_id":' % (orjson.dumps(variant), url)
        return Piece(head, self._documents.get((publication.key, publication.digest)) if publication else None)


def default_answer(head: bytes, shown: bytes) -> bytes:
    """The JSON of a placement's default."""
    return b'%b"is_default":true,"chosen_for":"everyone","shown":[%b],"expires_at":null}' % (head, shown)
