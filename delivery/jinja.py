"""Jinja as letters use it: one phase, sandboxed, strict, and small.

A template may print values, choose and repeat; it cannot call Python. `recipient.<column>` is a value as imported:

- a column that nobody has declared is a mistake, found by `letterpress validate`;
- a column that is empty for this recipient counts as false in `{% if %}`, equals nothing, and is replaced by `default(…)`;
  printing it or computing with it makes the letter unprintable for this recipient, with that reason.

Values are data. They are escaped in HTML, printed as they are in text, never read as Jinja, and never put into an error's text.
"""

import operator
from collections.abc import Callable, Mapping
from typing import Any

from jinja2 import StrictUndefined, Template, TemplateError, UndefinedError, pass_context
from jinja2.exceptions import SecurityError
from jinja2.runtime import Context, LoopContext
from jinja2.sandbox import ImmutableSandboxedEnvironment
from markupsafe import Markup

from delivery.filters import FILTERS
from domain.recipient import AttributeValue

LONGEST_RANGE = 1_000  # times two nested loops: the most work a template can ask for
LARGEST_POWER = 100
LINKS = "_links"  # the name under which a template finds its signed links; no marketer's name begins with _
_KEPT_FILTERS = (
    *("abs", "capitalize", "d", "default", "first", "float", "int", "join", "last", "length", "count", "lower", "replace"),
    *("round", "title", "trim", "truncate", "upper", "urlencode", "e", "escape"),
)
_KEPT_TESTS = (
    *("defined", "undefined", "none", "number", "string", "even", "odd", "divisibleby", "in", "eq", "ne", "lt", "le", "gt"),
    *("ge", "true", "false", "sameas", "boolean", "integer", "float"),
)


class EmptyValueError(UndefinedError):
    """A value was printed or computed with that is empty for this recipient. Its text names the column, never a value."""


class Empty(StrictUndefined):
    """A column that is empty for this recipient."""

    __slots__ = ()
    __hash__ = StrictUndefined.__hash__  # type: ignore[assignment] # as strict as it was

    def __bool__(self) -> bool:  # type: ignore[override] # these three have an answer here
        return False

    def __eq__(self, other: object) -> bool:  # type: ignore[override]
        return False

    def __ne__(self, other: object) -> bool:  # type: ignore[override]
        return True


class Columns:
    """`recipient`, `campaign` or `send` in a template: values by name, and nothing else of Python."""

    __slots__ = ("name", "values")

    def __init__(self, name: str, values: Mapping[str, object]) -> None:
        self.name, self.values = name, values

    def column(self, column: str) -> object:
        """The value, or Empty."""
        value = self.values.get(column)
        return value if value is not None else Empty(f"{self.name}.{column} is empty", name=column, exc=EmptyValueError)

    def __str__(self) -> str:
        raise SecurityError(f"{self.name} cannot be printed as a whole")


def plain(value: AttributeValue) -> AttributeValue:
    """A recipient's value as it is printed: numbers are kept as floats, and whole ones print without `.0`."""
    return int(value) if type(value) is float and value.is_integer() else value


class TemplateLinks:
    """The links of one letter at one position, as a template looks them up: `_links["<link id>"]`."""

    __slots__ = ()

    def __getitem__(self, link_id: str) -> str:
        """The address of a link that is the same for everyone."""
        raise NotImplementedError

    def own(self, link_id: str, url: str) -> str:
        """The address of a link whose destination was printed for this recipient."""
        raise NotImplementedError


class _Sandbox(ImmutableSandboxedEnvironment):
    """Attributes of Columns and of `loop` only; calls of `range` only; no powers or repetitions that fill the memory."""

    intercepted_binops = frozenset(("*", "**", "%", "//"))

    def getattr(self, obj: Any, attribute: str) -> Any:
        if type(obj) is Columns:
            return obj.column(attribute)
        if isinstance(obj, LoopContext) and not attribute.startswith("_"):
            return getattr(obj, attribute, None)
        return self.undefined("a value has no attributes", name=attribute)

    def getitem(self, obj: Any, argument: Any) -> Any:
        if type(obj) is Columns:
            return obj.column(str(argument))
        try:
            return obj[argument] if isinstance(obj, (TemplateLinks, Mapping, list, tuple, str)) else self.undefined("no such item")
        except (TypeError, LookupError):
            return self.undefined("no such item")

    def call(self, context: Context, obj: Any, *args: Any, **_: Any) -> Any:  # noqa: ARG002 - Jinja's signature
        if obj is safe_range or isinstance(getattr(obj, "__self__", None), LoopContext):
            return obj(*args)
        raise SecurityError("values have no methods; filters such as | upper do the work")

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:  # noqa: ARG002 - Jinja's signature
        for side in (left, right):
            if not isinstance(side, (int, float)):
                raise EmptyValueError(side._undefined_message) if isinstance(side, Empty) else SecurityError(f"{operator} takes numbers")
        if operator == "**" and (abs(left) > LARGEST_POWER or abs(right) > LARGEST_POWER):
            raise SecurityError("a power that large is not computed")
        return _BINOPS[operator](left, right)


_BINOPS: Mapping[str, Callable[[Any, Any], Any]] = {
    "*": operator.mul,
    "**": operator.pow,
    "%": operator.mod,
    "//": operator.floordiv,
}


def safe_range(*bounds: int) -> range:
    """`range`, of at most LONGEST_RANGE numbers."""
    numbers = range(*bounds)
    if len(numbers) > LONGEST_RANGE:
        raise SecurityError(f"a range of more than {LONGEST_RANGE} is not made")
    return numbers


@pass_context
def _link(context: Context, url: str, link_id: str) -> Markup:
    """`{% filter _link("id") %}https://…{{ … }}{% endfilter %}`: a link whose address is the recipient's own."""
    printed = url.unescape() if isinstance(url, Markup) else url
    return Markup(context[LINKS].own(link_id, printed))  # noqa: S704 - a URL of ours: letters, digits, - and _


def environment(*, html: bool) -> _Sandbox:
    """The sandbox, escaping for HTML or printing text as it is."""
    made = _Sandbox(autoescape=html, undefined=StrictUndefined, keep_trailing_newline=True, cache_size=0)
    kept = {name: made.filters[name] for name in _KEPT_FILTERS}
    made.filters = {**kept, **FILTERS, "_link": _link}
    made.tests = {name: made.tests[name] for name in _KEPT_TESTS}
    made.globals = {"range": safe_range}
    return made


_HTML, _TEXT = environment(html=True), environment(html=False)


def html_template(source: str) -> Template:
    """A template whose values are escaped for HTML."""
    return _HTML.from_string(source)


def text_template(source: str) -> Template:
    """A template whose values are printed as they are."""
    return _TEXT.from_string(source)


def reason_of(error: Exception) -> str:
    """Why a template could not be rendered, without any value: fit for the ledger and for logs."""
    if isinstance(error, (EmptyValueError, SecurityError)):
        return str(error)
    if isinstance(error, UndefinedError):
        return "a name or key that is not there"
    if isinstance(error, TemplateError):
        return "a filter or test was given what it cannot take"
    return f"an expression that cannot be computed ({type(error).__name__})"
