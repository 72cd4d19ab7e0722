"""Clear content: say at once what pages show at present, and later remove the files of what they show no more."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from delivery.published_files import CONTENT_TYPE, PublishedFile, folders_of, listing_of, path_of
from domain.content import Content
from domain.ids import PlacementId
from runtime.house import House
from storage.content_files import ContentFiles


def put(store: ContentFiles, file: PublishedFile) -> bool:
    """Write a file; False if it stands there already."""
    return store.put(file.path, file.body, content_type=CONTENT_TYPE, cache=file.cache)


def list_shown(house: House, store: ContentFiles, content: Content, at: datetime) -> list[PublishedFile]:
    """Write `variants.json` of every placement that pages show, and return those that said something else before."""
    known = {one.placement for one in content.campaign.placements}
    shown = house.publications.served(folders_of(content), at).values()
    files = [
        listing_of(
            placement, content.default_slate(placement) if placement in known else (), [s for s in shown if s.placement == placement]
        )
        for placement in folders_of(content)
    ]
    return [file for file in files if put(store, file)]


def clear(house: House, store: ContentFiles, placements: Sequence[PlacementId], at: datetime) -> int:
    """Remove the files that were withdrawn or replaced long enough ago for no loaded page to ask for them; how many there were.

    Files of which no step was ever noted are not ours to remove.
    """
    before = at - timedelta(minutes=house.settings.content_grace_minutes)
    there = {f"{placement}/{name}" for placement in placements for name in store.names(placement)}
    gone = [
        path_of(placement, variant, digest)
        for (placement, variant), shelf in house.publications.shelves(placements, at).items()
        for digest, since in shelf.left.items()
        if since <= before
    ]
    for path in there.intersection(gone):
        store.remove(path)
    return len(there.intersection(gone))
