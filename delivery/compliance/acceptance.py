"""Taking a finding upon oneself: a send goes out in spite of what stops it if somebody says so, and why."""

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches

from delivery.compliance.report import CheckId, Finding, Level, Report
from domain.errors import InputError, InvalidInput, Mistake

_ACCEPTABLE = frozenset((Level.STOP, Level.WARN, Level.UNCHECKED))


@dataclass(frozen=True, slots=True)
class Acceptance:
    """The checks whose findings somebody takes upon himself, and why."""

    checks: frozenset[CheckId] = frozenset()
    because: str = ""


def acceptance_of(checks: Sequence[str], because: str | None) -> Acceptance:
    """As it was written on the command line. InputError for a name that is no check, and for a missing reason."""
    named = frozenset(_check_named(text) for text in checks)
    if named and not (because or "").strip():
        raise InputError("--accept needs a reason, which is kept with who gave it", hint='--because "why"')
    if because is not None and not named:
        raise InputError("--because says why something is accepted, and nothing is", hint="--accept CHECK")
    return Acceptance(named, (because or "").strip())


def settle(report: Report, acceptance: Acceptance) -> tuple[Finding, ...]:
    """The findings that were accepted. InvalidInput with every finding that stops the send and was not."""
    left = [one for one in report.stops if one.check not in acceptance.checks]
    if left:
        mistakes = [Mistake(f"{one.check}: {one.found}", *_place(one), hint=one.hint) for one in left]
        names = " ".join(f"--accept {name}" for name in dict.fromkeys(one.check.value for one in left))
        way = f'the send was not opened. `letterpress check {report.campaign}` tells all; to send in spite of it: {names} --because "why"'
        raise InvalidInput([*mistakes, Mistake(way)])
    return tuple(one for one in report.findings if one.check in acceptance.checks and one.level in _ACCEPTABLE)


def _check_named(text: str) -> CheckId:
    name = text.strip().lower().replace("-", "_")
    try:
        return CheckId(name)
    except ValueError:
        near = get_close_matches(name, list(CheckId), n=1)
        hint = f"did you mean {near[0]}?" if near else "known: " + ", ".join(CheckId)
        raise InputError(f"there is no check {text!r}", where="--accept", hint=hint) from None


def _place(one: Finding) -> tuple[str | None, int | None]:
    return (one.place.file, one.place.line) if one.place else (None, None)
