"""Contents at hand: which default a placement has, and where a link leads; remembered, so that most requests need no database."""

import threading
from collections import OrderedDict
from collections.abc import Callable
from datetime import datetime, timedelta

from domain.content import Content, Link
from domain.errors import UnavailableError
from domain.ids import ContentVersion, PlacementId, VariantId
from web.parts import Contents, Sends

_KEPT = 64  # contents; a version never changes, so one that is kept is never stale
_FRESH_FOR = timedelta(minutes=1)  # after which a newer send's defaults are looked for

Defaults = dict[PlacementId, tuple[VariantId, ...]]


class Catalogue:
    """Remembers contents by version, and for a minute which are current. Safe to use from several threads."""

    def __init__(self, contents: Contents, sends: Sends, clock: Callable[[], datetime]) -> None:
        self._contents, self._sends, self._clock = contents, sends, clock
        self._kept: OrderedDict[ContentVersion, Content] = OrderedDict()
        self._defaults: Defaults | None = None
        self._looked_at: datetime | None = None
        self._lock = threading.Lock()

    def content(self, version: ContentVersion) -> Content:
        """A content version. Raises InputError for one that does not exist, UnavailableError without the database."""
        with self._lock:
            if version in self._kept:
                self._kept.move_to_end(version)
                return self._kept[version]
        content = self._contents.load(version)
        with self._lock:
            self._kept[version] = content
            while len(self._kept) > _KEPT:
                self._kept.popitem(last=False)
        return content

    def defaults_of(self, placement: PlacementId) -> tuple[VariantId, ...] | None:
        """The default variant of a placement in the latest send of its campaign; None for a placement nobody knows.

        While the database is away the last known ones hold. Raises UnavailableError if none were ever read.
        """
        now = self._clock()
        if self._defaults is None or self._looked_at is None or now - self._looked_at >= _FRESH_FOR:
            try:
                self._defaults = self._read_defaults()
            except UnavailableError:
                if self._defaults is None:
                    raise
            self._looked_at = now
        return self._defaults.get(placement)

    def link(self, version: ContentVersion, link_id: str) -> Link | None:
        """A link of a content version."""
        return next((link for link in self.content(version).links if link.link_id == link_id), None)

    def remembered_url(self, link_id: str) -> str | None:
        """Where a link leads according to the contents at hand, if they agree: for when the database is away."""
        with self._lock:
            kept = list(self._kept.values())
        urls = {link.url for content in kept for link in content.links if link.link_id == link_id and not link.dynamic}
        return urls.pop() if len(urls) == 1 else None

    def _read_defaults(self) -> Defaults:
        contents = map(self.content, self._sends.contents().values())
        return {place.placement: content.default_slate(place.placement) for content in contents for place in content.campaign.placements}
