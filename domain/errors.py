"""One family of errors. The type says whether trying again can help; the message says what, where and what to do."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Mistake:
    """One mistake in what a user wrote: file and line (1-based) where known, what is wrong, what to do."""

    what: str
    file: str | None = None
    line: int | None = None
    hint: str | None = None

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}: " if self.file and self.line else f"{self.file}: " if self.file else ""
        return f"{where}{self.what}" + (f" ({self.hint})" if self.hint else "")


class LetterpressError(Exception):
    """Base of all our errors. `exit_code` is what the command line ends with: 2 the user's to mend, 1 ours."""

    exit_code = 1

    def __init__(self, what: str, *, where: str | None = None, hint: str | None = None) -> None:
        self.what, self.where, self.hint = what, where, hint
        super().__init__(what, where, hint)

    def __str__(self) -> str:
        return "".join((f"{self.where}: " if self.where else "", self.what, f" ({self.hint})" if self.hint else ""))

    def __reduce__(self) -> tuple[object, ...]:
        return _rebuild, (type(self), self.what, self.where, self.hint)


def _rebuild(kind: type[LetterpressError], what: str, where: str | None, hint: str | None) -> LetterpressError:
    """Unpickle across process pools: keyword-only arguments defeat the default."""
    return kind(what, where=where, hint=hint)


class FinalError(LetterpressError):
    """Trying the same again cannot help."""


class RetryableError(LetterpressError):
    """Trying the same again later may help."""


class InputError(FinalError):
    """The user's mistake: an argument, a file, data. Nothing was changed."""

    exit_code = 2


class RefusedValueError(FinalError):
    """A value that the database does not take. Whoever brought it has to set it apart: everything else can be kept."""


class InvalidInput(InputError):  # noqa: N818 - reads as what was given, not as what went wrong
    """Several mistakes found in one go, each with its place."""

    def __init__(self, mistakes: Sequence[Mistake]) -> None:
        self.mistakes = tuple(mistakes)
        super().__init__("\n".join(map(str, mistakes)))

    def __reduce__(self) -> tuple[object, ...]:
        return InvalidInput, (self.mistakes,)


class UnavailableError(RetryableError):
    """A part we stand on (database, Redis, relay, Prefect) does not answer. The user's to mend, hence exit 2."""

    exit_code = 2
