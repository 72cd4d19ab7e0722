"""Letters cut into calls: by body where the ESP puts values into a shared one, within its limits everywhere. Pure.

The same letters are cut alike whatever their order, and the letters of one call are that call again: what was claimed as a call can be
repeated as one after a crash.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from operator import attrgetter

from delivery.esp.port import Call
from delivery.esp.provider import Limits, Provider, Templated
from delivery.esp.shared_body import Template, template_of
from domain.message import Form, Letter
from domain.recipient import normalised

Sized = tuple[Letter, int]
# JSON needs at most two bytes for each of a letter's: quotes, backslashes and line ends are escaped, quoted-printable is read back.
_WORST_GROWTH, _ROUND_IT = 2, 4096
_USUAL_SIZE, _USUAL_VALUES = 40_000, 1_000  # bytes of a letter, and of what is its recipient's own
_ROUND_VALUES = 1024  # address, headers and names around the values of one letter


def calls_of(letters: Sequence[Letter], provider: Provider) -> list[Call]:
    """The calls that these letters take."""
    ordered = sorted(letters, key=attrgetter("message_id"))
    if not isinstance(provider, Templated):
        return _cut(map(_whole, ordered), provider.limits)
    bodies: defaultdict[tuple[str, str], list[Letter]] = defaultdict(list)
    for letter in ordered:
        bodies[letter.send_id, letter.body_hash].append(letter)
    return [call for key in sorted(bodies) for call in _of_body(bodies[key], provider, provider)]


def most_in_a_call(provider: Provider) -> Limits:
    """What the largest of a provider's calls takes."""
    return provider.together if isinstance(provider, Templated) else provider.limits


def usual_in_a_call(provider: Provider) -> int:
    """For how many letters of the usual size a call has bytes."""
    size = _USUAL_VALUES if isinstance(provider, Templated) else _USUAL_SIZE
    return max(1, most_in_a_call(provider).bytes // (_WORST_GROWTH * size + _ROUND_IT))


@dataclass(frozen=True, slots=True)
class _Body:
    """What letters have to share to go together."""

    form: Form
    template: Template

    @classmethod
    def of(cls, letters: Sequence[Letter], templated: Templated) -> "_Body | None":
        """The body that most likely all of them share."""
        form = next((letter.form for letter in letters if letter.form), None)
        template = template_of(form, letters[0].body_hash, templated.language) if form else None
        return cls(form, template) if form and template else None

    def room_for(self, letter: Letter, templated: Templated) -> int | None:
        """Bytes that the letter takes of a call of this body; None if it cannot go as this body and its own values."""
        alike = letter.form is self.form or letter.form == self.form
        size = self.template.size_of(letter) if alike else None
        if size is None or size > templated.values_at_most or not templated.admits(letter):
            return None
        return _WORST_GROWTH * size + _ROUND_VALUES

    @property
    def size(self) -> int:
        """Bytes that it takes of a call, at most."""
        return _WORST_GROWTH * sum(map(len, (self.template.html.encode(), self.template.text.encode()))) + _ROUND_IT


def _of_body(letters: Sequence[Letter], provider: Provider, templated: Templated) -> Iterator[Call]:
    """Calls of letters of one body, and of those that go whole; nobody is in a call twice, because ESPs tell letters by address."""
    body = _Body.of(letters, templated) if len(letters) > 1 else None
    shared, whole, seen = list[list[Sized]](), list[Letter](), dict[str, int]()
    for letter in letters:
        if body is None or (size := body.room_for(letter, templated)) is None:
            whole.append(letter)
            continue
        address = normalised(letter.address)
        seen[address] = place = seen.get(address, 0) + 1
        if place > len(shared):
            shared.append([])
        shared[place - 1].append((letter, size))
    for together in shared:
        yield from _cut(together, templated.together, taken=body.size if body else 0)
    yield from _cut(map(_whole, whole), provider.limits)


def _cut(letters: Iterable[Sized], limits: Limits, *, taken: int = 0) -> list[Call]:
    """Calls within the limits, of which the first `taken` bytes are taken in each."""
    calls: list[list[Letter]] = []
    room = 0
    for letter, size in letters:
        if not calls or len(calls[-1]) >= limits.messages or size > room:
            calls.append([])
            room = limits.bytes - taken
        calls[-1].append(letter)
        room -= size
    return [tuple(call) for call in calls]


def _whole(letter: Letter) -> Sized:
    return letter, _WORST_GROWTH * letter.size + _ROUND_IT
