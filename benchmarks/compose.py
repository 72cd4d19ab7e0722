"""`compose`: what it costs to print a letter, against joining constant texts with escaped values.

The letters are the starter campaign's (`templates/weekly`, 46 kB, eleven signed links), for readers with first names, tiers and orders, in
60 combinations of variants and in the order in which a send prints them: body by body. One thread, processor time.

- `us_per_message`: one whole letter: what is the recipient's set in type, eleven links and the unsubscribe link signed (keyed BLAKE2s),
  quoted-printable, MIME, hash, the form's fillings.
- `floor_us`: the same letters' HTML and text, joined from the same constant texts and as many values, each escaped by
  `markupsafe.escape`. Neither signs, encodes or hashes anything, and the values are there already.
- `ratio`: the one over the other, both in turns in the same process; medians of the rounds.
- `us_signing`: how much of it is the signatures. `us_scattered`: a letter, when every letter has another body than the one before, of
  the same sixty. `us_unshared`: a letter, when no two letters share a body.
"""

import gc
import re
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from itertools import islice, product
from pathlib import Path
from random import Random
from statistics import fmean

from markupsafe import escape

from benchmarks.registry import Figure, Measured
from benchmarks.timing import in_turns
from delivery.compile import compile_campaign
from delivery.compose import Chosen, Composer
from delivery.links import Signer
from domain.content import Content
from domain.ids import CampaignId, PlacementId, RecipientId, SendId, VariantId
from domain.message import Letter
from domain.recipient import Recipient
from domain.send import Send

STARTER = Path(__file__).resolve().parents[1] / "templates" / "weekly"
AT = datetime(2026, 11, 23, 9, tzinfo=UTC)
COMBINATIONS = 60
_NAMES = 400  # first names; the frequent ones are as frequent as names are (a Zipf law)
_FULL, _QUICK = (20_000, 7), (2_000, 3)  # letters, rounds
Body = tuple[tuple[str, ...], tuple[str, ...]]  # constant texts, values between them
_VARIED = ("hero", "story", "offer", "subject")


@dataclass(frozen=True, slots=True)
class Job:
    """Letters to print: a press, and for whom with what, body by body."""

    send: Send
    content: Content
    composer: Composer
    readers: Sequence[tuple[Recipient, Chosen]]

    def __iter__(self) -> Iterator[Letter]:
        """The letters, each printed when it is its turn."""
        return (self.composer.compose(recipient, chosen) for recipient, chosen in self.readers)


def job(letters: int, *, seed: int = 1) -> Job:
    """A job of so many letters in 60 bodies."""
    content = compile_campaign(STARTER)
    campaign = CampaignId(content.campaign.campaign)
    send = Send(SendId(f"{campaign}-1"), campaign, AT, AT, content.content_version, None, 1, "", "https://links.shop.example", "k1")
    combinations, rng = combinations_of(content), Random(seed)
    readers = [(reader(number, rng), combinations[number * COMBINATIONS // letters]) for number in range(letters)]
    return Job(send, content, Composer(content, send, Signer({"k1": b"a key of this benchmark"})), readers)


def combinations_of(content: Content) -> list[Chosen]:
    """Sixty slates that differ in hero, offer and subject."""
    variants = {name: [v.variant for v in content.of(PlacementId(f"weekly.{name}")) if not v.where] for name in _VARIED}
    chosen = product(variants["hero"], variants["offer"], variants["subject"])
    return [_slate(hero, offer, subject) for hero, offer, subject in islice(chosen, COMBINATIONS)]


def unshared(content: Content, letters: int, *, seed: int = 1) -> list[Chosen]:
    """So many slates, hardly two of them alike: any hero, offer and subject, and any three stories in any order."""
    variants = {name: [v.variant for v in content.of(PlacementId(f"weekly.{name}")) if not v.where] for name in _VARIED}
    rng, story = Random(seed), PlacementId("weekly.story")
    heads = (_slate(*(rng.choice(variants[name]) for name in ("hero", "offer", "subject"))) for _ in range(letters))
    return [{**head, story: tuple(rng.sample(variants["story"], 3))} for head in heads]


def _slate(hero: VariantId, offer: VariantId, subject: VariantId) -> Chosen:
    return {PlacementId(f"weekly.{name}"): (variant,) for name, variant in (("hero", hero), ("offer", offer), ("subject", subject))}


def reader(number: int, rng: Random) -> Recipient:
    """Somebody with a first name, if it is known."""
    name = f"Name{min(int(rng.paretovariate(1.0)), _NAMES)}" if rng.random() < 0.9 else None
    own = {"first_name": name, "orders": float(rng.randrange(20)), "tier": rng.choice(("none", "silver", "gold")), "country": "DE"}
    return Recipient(RecipientId(f"r{number}"), f"reader{number}@example.org", attributes=own)


def measure(*, quick: bool) -> Measured:
    """Print, in turns with the floor."""
    return measured(*(_QUICK if quick else _FULL))


def measured(letters: int, rounds: int) -> Measured:
    """So many letters, so many times."""
    work = job(letters)
    printed = list(work)
    bodies = [both for letter in printed for both in _bodies(letter)]
    scattered = Job(work.send, work.content, work.composer, [work.readers[number * 997 % letters] for number in range(letters)])
    slates = unshared(work.content, letters)
    alone = Job(work.send, work.content, work.composer, [(who, slate) for (who, _), slate in zip(work.readers, slates, strict=True)])
    signer, links = Signer({"k1": b"a key of this benchmark"}), [bytes((0, 0, 0, 0, 0, number)) for number in range(_links(printed[0]))]
    gc.collect()
    gc.freeze()  # a send prints letter by letter and holds neither all readers nor all letters: nobody has to look through them
    found = in_turns(
        {
            "floor": lambda _: _each(lambda: join_all(bodies), letters),
            "compose": lambda _: _each(lambda: deque(work, 0), letters),
            "scattered": lambda _: _each(lambda: deque(scattered, 0), letters),
            "unshared": lambda _: _each(lambda: deque(alone, 0), letters),
            "signing": lambda _: _each(lambda: [signer.tokens_of(letter.message_id, links) for letter in printed], letters),
        },
        rounds,
    )
    sizes: dict[str, Figure] = {
        "letters": letters,
        "bodies": COMBINATIONS,
        "rounds": rounds,
        "kilobytes_per_letter": fmean(letter.size for letter in printed) / 1_000,
        "values_per_letter": sum(len(values) for _, values in bodies) / letters,
        "signed_links": len(links),
    }
    figures: dict[str, Figure] = {
        "us_per_message": found["compose"],
        "floor_us": found["floor"],
        "ratio": found["compose"] / found["floor"],
        "us_signing": found["signing"],
        "us_scattered": found["scattered"],
        "us_unshared": found["unshared"],
    }
    return Measured(sizes, figures)


def join_all(bodies: Sequence[Body]) -> int:
    """HTML and text of the letters, each from its constant texts and escaped values; returns how many characters that made."""
    made = 0
    for texts, values in bodies:
        pieces = [texts[0]]
        for value, text in zip(values, texts[1:], strict=True):
            pieces += str(escape(value)), text
        made += len("".join(pieces))
    return made


def _bodies(letter: Letter) -> Iterator[Body]:
    """A letter's HTML and text as constant texts and the values between: a token that is two fillings is one value."""
    for stencil in (letter.form.html, letter.form.text) if letter.form else ():
        texts, values = [stencil.texts[0]], list[str]()
        for number, text, before in zip(stencil.blanks, stencil.texts[1:], stencil.texts, strict=False):
            if before or not values:
                values.append(letter.fillings[number])
                texts.append(text)
            else:
                values[-1] += letter.fillings[number]
                texts[-1] = text
        yield _shared_texts(tuple(texts)), tuple(values)


@cache
def _shared_texts(texts: tuple[str, ...]) -> tuple[str, ...]:
    """One object for all letters of a body, as a template would be."""
    return texts


def _links(letter: Letter) -> int:
    """How many signed links a letter has."""
    html = letter.form.html.filled(letter.fillings) if letter.form else ""
    return len(set(re.findall(r"/c/([\w-]{48})", html)))


def _each(work: Callable[[], object], letters: int) -> float:
    """Microseconds of processor time per letter."""
    began = time.process_time()
    work()
    return (time.process_time() - began) / letters * 1e6
