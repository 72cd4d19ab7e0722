"""A campaign's folder → its content: MJML compiled once, cut into blocks, links named, plain-text twins made; fragments for pages."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from delivery.compose import Composer
from delivery.cutting import Cut, CutError, check_balanced, cut
from delivery.experiment_check import unknown_variants
from delivery.front_matter import VariantSource
from delivery.hrefs import Linked, frame_links, number_links
from delivery.jinja import environment
from delivery.jinja_check import Known, is_personal
from delivery.links import Signer
from delivery.mime import RenderError
from delivery.mjml import CompileError, Nodes, compile_mjml
from delivery.plain_text import plain_text
from delivery.sources import Sources, read_sources
from domain.campaign import PlacementKind, Surface
from domain.content import Block, Content, Frame, Link, Variant
from domain.errors import FinalError, InvalidInput, Mistake
from domain.ids import ContentVersion, PlacementId, send_id_of
from domain.send import Send

_NO_BLOCK = Block("", "", dynamic=False)  # of what no letter shows


def compile_campaign(folder: Path, columns: Collection[str] | None = None) -> Content:
    """The compiled content of a campaign's folder. The same bytes in the folder give the same content.

    `columns` are the names that `recipient` has; when given, a template that names another is a mistake. Raises InvalidInput with every
    mistake and its place.
    """
    sources = read_sources(folder, Known.of(columns))
    return _for_pages(sources) if sources.campaign.surface is Surface.WEB else _Press(sources).content()


def check_campaign(folder: Path, columns: Collection[str] | None = None) -> list[Mistake]:
    """Every mistake in a campaign's folder; none when it compiles."""
    try:
        compile_campaign(folder, columns)
    except InvalidInput as error:
        return list(error.mistakes)
    return []


def _for_pages(sources: Sources) -> Content:
    """The content of a campaign on the web: fragments, and no letter around them. Raises InvalidInput."""
    fragments = sources.fragments
    variants = tuple(
        one.compiled(sources.folder.campaign, _NO_BLOCK, fragments[one.placement.folder, str(one.variant)]) for one in sources.variants
    )
    if mistakes := list(unknown_variants(sources.campaign, variants)):
        raise InvalidInput(mistakes)
    return Content(ContentVersion(sources.content_version), sources.campaign, Frame(("",), ("",), ()), variants, ())


@dataclass(frozen=True, slots=True)
class _Made:
    """A variant and its links."""

    variant: Variant
    links: tuple[Link, ...]
    refused: tuple[str, ...] = ()


class _Press:
    """One compilation."""

    def __init__(self, sources: Sources) -> None:
        self.sources = sources
        self.salt = sources.content_version[:8]
        self.letter = sources.folder.file_named("letter.mjml")

    def content(self) -> Content:
        """The whole content. Raises InvalidInput."""
        pieces = self._cut()
        frame, linked = self._frame(pieces)
        made = [self._variant(source, pieces) for source in self.sources.variants]
        mistakes = [*_refused(linked.refused, self.letter.text, self.letter.file)]
        for source, one in zip(self.sources.variants, made, strict=True):
            mistakes += _refused(one.refused, source.source.text, source.source.file)
        mistakes += unknown_variants(self.sources.campaign, [one.variant for one in made])
        if mistakes:
            raise InvalidInput(mistakes)
        links = (*linked.links, *(link for one in made for link in one.links))
        variants = tuple(one.variant for one in made)
        content = Content(ContentVersion(self.sources.content_version), self.sources.campaign, frame, variants, links)
        _try(content, self.sources)
        return content

    def _cut(self) -> Cut:
        """Compile everything together and cut it; when that fails, find out whose fault it is."""
        try:
            pieces = self._pressed(self._blocks())
        except (CompileError, CutError):
            raise InvalidInput(list(self._culprits())) from None
        if mistakes := [*self._unbalanced(pieces)]:
            raise InvalidInput(mistakes)
        return pieces

    def _blocks(self) -> dict[str, dict[str, Nodes]]:
        blocks: dict[str, dict[str, Nodes]] = {p.folder: {} for p in self.sources.campaign.placements if p.kind is PlacementKind.BLOCK}
        for (folder, variant), nodes in self.sources.blocks.items():
            blocks[folder][variant] = nodes
        return blocks

    def _pressed(self, blocks: Mapping[str, Mapping[str, Nodes]]) -> Cut:
        html, marks = compile_mjml(self.sources.frame, blocks, self.sources.tokens)
        return cut(html, marks)

    def _culprits(self) -> Iterator[Mistake]:
        """The frame alone, then each variant alone in the frame: those the compiler gives up on."""
        empty: dict[str, dict[str, Nodes]] = {name: {} for name in self._blocks()}
        try:
            self._pressed(empty)
        except (CompileError, CutError) as error:
            yield Mistake(error.what, self.letter.file, 1)
            return
        blocks = [source for source in self.sources.variants if source.placement.kind is PlacementKind.BLOCK]
        guilty = [(source, what) for source in blocks if (what := self._alone(source, empty))]
        yield from (Mistake(what, source.source.file, _first_line(source)) for source, what in guilty)
        if not guilty:
            yield Mistake("the letter compiles with each variant alone but not with all of them", self.letter.file, 1)

    def _alone(self, source: VariantSource, empty: Mapping[str, Mapping[str, Nodes]]) -> str | None:
        folder, variant = source.placement.folder, str(source.variant)
        try:
            self._pressed({**empty, folder: {variant: self.sources.blocks[folder, variant]}})
        except (CompileError, CutError) as error:
            return error.what
        return None

    def _unbalanced(self, pieces: Cut) -> Iterator[Mistake]:
        files = {(v.placement.folder, str(v.variant)): v for v in self.sources.variants}
        restore = self.sources.tokens.restore
        for key, html in pieces.blocks.items():
            try:
                check_balanced(self.sources.tokens.mask(restore(html)))
            except CutError as error:
                yield Mistake(f"the block is not whole: {error.what}", files[key].source.file, _first_line(files[key]))
        try:
            check_balanced(self.sources.tokens.mask(restore("".join(pieces.chunks))))
        except CutError as error:
            yield Mistake(f"the frame is not whole: {error.what}", self.letter.file, 1)
        yield from self._split_jinja(pieces)

    def _split_jinja(self, pieces: Cut) -> Iterator[Mistake]:
        """A place inside {% if %} or {% for %} of the frame would leave each half without the other."""
        for chunk in pieces.chunks:
            try:
                environment(html=True).parse(self.sources.tokens.restore(chunk))
            except Exception:  # whatever Jinja finds in a half statement
                hint = "close it before the place, and open it again after"
                yield Mistake("a placement stands inside a Jinja block of the letter", self.letter.file, self._place_line(), hint)
                return

    def _place_line(self) -> int:
        return next((n for n, line in enumerate(self.letter.text.split("\n"), 1) if "<lp-placement" in line), 1)

    def _frame(self, pieces: Cut) -> tuple[Frame, Linked]:
        chunks, linked = frame_links(tuple(self.sources.tokens.restore(chunk).strip() for chunk in pieces.chunks), self.salt)
        slots = tuple(PlacementId(f"{self.sources.campaign.campaign}.{name}") for name in pieces.places)
        return Frame(chunks, _text_chunks(chunks, self.salt), slots), linked

    def _variant(self, source: VariantSource, pieces: Cut) -> _Made:
        campaign = self.sources.folder.campaign
        if source.placement.kind is PlacementKind.SUBJECT:
            line = source.body.strip()
            block = Block("", line, is_personal(line + (source.front.preheader or "")))
            return _Made(source.compiled(campaign, block, None), ())
        html = self.sources.tokens.restore(pieces.blocks[source.placement.folder, str(source.variant)])
        linked = number_links(html, source.placement.placement, source.variant, self.salt)
        block = Block(linked.html, plain_text(linked.html, self.salt), is_personal(linked.html))
        variant = source.compiled(campaign, block, self.sources.fragments.get((source.placement.folder, str(source.variant))))
        return _Made(variant, linked.links, linked.refused)


def _try(content: Content, sources: Sources) -> None:
    """Print what is the same for every recipient once: what fails there would fail for all of them. Raises InvalidInput."""
    at = datetime(2000, 1, 1, tzinfo=UTC)
    name = send_id_of(content.campaign.campaign, at)
    send = Send(name, content.campaign.campaign, at, at, content.content_version, None, 1, "trial", "https://trial.invalid", "trial")
    try:
        Composer(content, send, Signer({"trial": b"trial"}))
    except RenderError as error:
        files = {f"{sources.folder.campaign}/{f.name}": f.file for f in sources.folder.files}
        raise InvalidInput([Mistake(error.what, files.get(error.where or ""), None, error.hint)]) from None
    if len({link.link_id for link in content.links}) != len(content.links):
        raise FinalError("two links of this content have the same id by chance", hint="rename a variant of one of them")


def _text_chunks(chunks: tuple[str, ...], salt: str) -> tuple[str, ...]:
    """The frame's text, cut where its HTML is."""
    words = [f"lpplace{salt}n{i}z" for i in range(len(chunks) - 1)]
    html = "".join(chunk + f"<p>{word}</p>" for chunk, word in zip(chunks, words, strict=False)) + chunks[-1]
    text, cuts = plain_text(html, salt), []
    for word in words:
        before, _, text = text.partition(word)
        cuts.append(before.strip())
    return (*cuts, text.strip())


def _first_line(source: VariantSource) -> int:
    return len(source.body) - len(source.body.lstrip("\n")) + 1


def _refused(urls: tuple[str, ...], text: str, file: str) -> Iterator[Mistake]:
    for url in urls:
        at = text.find(url) if url else text.find('href=""')
        hint = "write the whole address: https://…, mailto:… or tel:…"
        yield Mistake(f"the link {url!r} leads nowhere from a letter", file, text[:at].count("\n") + 1 if at >= 0 else None, hint)
