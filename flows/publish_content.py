"""Publish content: write what pages fetch, see it come out at the CDN's other end, and only then let it be chosen."""

from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta

from prefect import flow, get_run_logger
from prefect.artifacts import create_table_artifact

from delivery.prewarming import Outside, prewarm
from delivery.published_files import PublishedFile, combined_files, default_files, file_of, folders_of, published_variants
from domain.content import Content
from domain.errors import InputError, UnavailableError
from domain.publication import Publication, PublicationState, may_be_chosen
from domain.variant_state import VariantKey
from flows.clear_content import clear, list_shown, put
from flows.plan_send import checked_content
from flows.show_artifact import artifact_key
from flows.show_content import ContentStanding, as_rows, content_standing
from runtime import clock
from runtime.fetching import fetch_content
from runtime.house import House, shared_house
from storage.content_files import ContentFiles

Progress = Callable[[int, int], object]  # files that are settled, of so many
_WRITERS = 8


@flow(name="publish-content", flow_run_name="{campaign}")
def publish_content(campaign: str) -> int:
    """How many variants may be chosen. UnavailableError if any did not come out as it was written; those that did are published."""
    house = shared_house()
    found = published(house, publishable(house, campaign), outside_of(house))
    create_table_artifact(as_rows(found), key=artifact_key("content", found.campaign), description=found.address)
    get_run_logger().info("%d of %d variants of %s are published", found.chosen, len(found.variants), found.campaign)
    if found.failed:
        raise UnavailableError(f"{found.failed} files did not come out as they were written: {found.first_fault}", where=found.address)
    return found.chosen


def publishable(house: House, campaign: str) -> Content:
    """The campaign's compiled content. InputError if pages show nothing of it."""
    content = checked_content(house, campaign)
    if not published_variants(content):
        hint = "give a placement `kind: web`, or a block `web: true`"
        raise InputError(f"pages show nothing of {content.campaign.campaign}", where=content.campaign.file, hint=hint)
    return content


def outside_of(house: House) -> Outside:
    """The world as the settings have it."""
    settings = house.settings
    return Outside(settings.content_address, fetch_content, clock, timedelta(seconds=settings.content_patience_seconds))


def published(
    house: House, content: Content, outside: Outside, again: Collection[VariantKey] = (), progress: Progress | None = None
) -> ContentStanding:
    """Publish what is new, changed or failed before, and clear away what is shown no more. `again`: withdrawn variants to bring back.

    Repeated it does what is left to do; a process that died anywhere in it leaves nothing that another run does not put right.
    """
    way = _Way(house, ContentFiles(house.settings.content_place), outside, progress or _unseen)
    bring_out(way, [file_of(variant) for variant in published_variants(content)], again)
    combined = list(combined_files(content, _chosen(way, content)))
    bring_out(way, combined, [one.key for one in combined])
    faults = list(_faults_of_brief(way, content))
    clear(house, way.store, folders_of(content), outside.clock.now())
    return content_standing(house, content, outside.clock.now(), faults)


@dataclass(frozen=True, slots=True)
class _Way:
    """The way from the campaign's folder to pages."""

    house: House
    store: ContentFiles
    outside: Outside
    progress: Progress

    def step(self, file: PublishedFile, state: PublicationState, reason: str | None = None) -> Publication:
        """A step of a file, taken now."""
        url, at = file.url(self.outside.address), self.outside.clock.now()
        return Publication(file.placement, file.variant, file.version, url, state, at, reason)

    def is_out(self, file: PublishedFile, last: Publication | None) -> bool:
        """Whether a file came out as it is, where it is read from now."""
        return last is not None and may_be_chosen(last, file.version) and last.url == file.url(self.outside.address)


def bring_out(way: _Way, files: Sequence[PublishedFile], again: Collection[VariantKey]) -> None:
    """Write these files, pre-warm those that are not out as they are, and note how that went, file by file."""
    steps = way.house.publications.at({file.placement for file in files}, way.outside.clock.now())
    wanted = [file for file in files if file.key in again or not _is_withdrawn(steps.get(file.key))]
    with ThreadPoolExecutor(_WRITERS) as pool:
        written = list(pool.map(lambda file: put(way.store, file), wanted))
    due = [file for file, anew in zip(wanted, written, strict=True) if anew or not way.is_out(file, steps.get(file.key))]
    way.house.publications.step(*(way.step(file, PublicationState.WRITTEN) for file in due))
    settled = len(files) - len(due)
    way.progress(settled, len(files))
    for done, warmed in enumerate(prewarm(due, way.outside), start=settled + 1):
        state = PublicationState.FAILED if warmed.fault else PublicationState.PUBLISHED
        way.house.publications.step(way.step(warmed.file, state, warmed.fault))
        way.progress(done, len(files))


def _faults_of_brief(way: _Way, content: Content) -> Iterator[str]:
    """Write the files that say what is shown at present, once it can be; those that do not come out are told of, and stop nothing."""
    chosen = _chosen(way, content)
    defaults = [file for file in default_files(content) if _shown_by_default(content, file) <= chosen]
    files = [*list_shown(way.house, way.store, content, way.outside.clock.now()), *(file for file in defaults if put(way.store, file))]
    for warmed in prewarm(files if chosen else (), way.outside):  # where nothing comes out, the reason is known by now
        if warmed.fault:
            yield f"{warmed.file.path}: {warmed.fault}"


def _chosen(way: _Way, content: Content) -> frozenset[VariantKey]:
    """The variants that may be chosen now."""
    files = [file_of(variant) for variant in published_variants(content)]
    steps = way.house.publications.at({file.placement for file in files}, way.outside.clock.now())
    return frozenset(file.key for file in files if way.is_out(file, steps.get(file.key)))


def _shown_by_default(content: Content, file: PublishedFile) -> frozenset[VariantKey]:
    """The defaults of a placement, or of the placements of a group."""
    parts = file.placement.split("+")
    return frozenset((one.placement, one.variant) for one in published_variants(content) if one.is_default and one.placement in parts)


def _is_withdrawn(step: Publication | None) -> bool:
    return step is not None and step.state is PublicationState.WITHDRAWN


def _unseen(_done: int, _of: int) -> None:
    """The progress of what nobody watches."""
