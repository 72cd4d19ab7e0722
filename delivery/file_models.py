"""What the files of a campaign may say, as pydantic models: `campaign.yaml` and the front matter of variants.

The models are also published as JSON Schemas (`docs/schema`), so descriptions are written for whoever edits the files.
"""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from difflib import get_close_matches
from functools import partial
from typing import Annotated, Any, TypeVar, get_type_hints

from annotated_types import Len
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, ValidationError
from pydantic_core import ErrorDetails
from typing_extensions import Doc

from delivery.yaml_lines import Document
from domain.campaign import (
    Attribution,
    Cap,
    Diversity,
    Experiment,
    Goal,
    HealthCheck,
    Holdout,
    PlacementKind,
    Policy,
    Ramp,
    Refresh,
    Sender,
)
from domain.content import FeatureValue
from domain.departure import Departure, Gates, QuietHours, WarmUp, Waves
from domain.errors import InvalidInput, Mistake

NAME = r"^[a-z0-9][a-z0-9_-]*$"
Name = Annotated[str, StringConstraints(pattern=NAME, max_length=64)]
FeatureName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$", max_length=64)]
Line = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]*$")]
Text = Annotated[str, StringConstraints(min_length=1, strip_whitespace=True)]


def _as_instant(value: object) -> object:
    """Only text is an instant: a bare number would be taken for seconds since 1970."""
    if not isinstance(value, str):
        raise ValueError("write an instant as 2026-11-23T09:00:00Z or 2026-11-23")  # noqa: TRY004 - pydantic reports ValueError
    return value


def _in_utc(value: datetime) -> datetime:
    """An instant without a time zone is meant in UTC."""
    return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def _with_times(value: object) -> object:
    """Only text is a time of day: a bare number would be taken for seconds after midnight."""
    if isinstance(value, dict) and not all(isinstance(time, str) for time in value.values()):
        raise ValueError("write times of day as 21:00")
    return value


def _with_time_and_day(value: object) -> object:
    """The same of a departure: its time of day, and the day on which a warm-up began."""
    departure = value if isinstance(value, dict) else {}
    warm_up = departure.get("warm_up")
    if not isinstance(departure.get("local_time"), str | None):
        raise ValueError("write local_time as 09:00")  # noqa: TRY004 - pydantic reports ValueError
    if isinstance(warm_up, dict) and not isinstance(warm_up.get("began_on"), str | None):
        raise ValueError("write warm_up.began_on as 2026-11-23")  # noqa: TRY004 - as above
    return value


Instant = Annotated[datetime, BeforeValidator(_as_instant), AfterValidator(_in_utc)]


class PlacementFile(BaseModel):
    """A placement as campaign.yaml names it. Its variants stand in the folder of the same name."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: PlacementKind = Field(PlacementKind.BLOCK, description="`subject` for the subject line, `web` for a place on pages, else `block`")
    positions: int = Field(1, ge=1, le=20, description="How many variants it shows, one below the other")
    web: bool = Field(False, description="Blocks only: pages show it too; each variant has a NAME.html beside its NAME.mjml")


class CampaignFile(BaseModel):
    """campaign.yaml: who gets what from whom. The campaign is called as its folder is. One for letters needs what letters need."""

    model_config = ConfigDict(extra="forbid", frozen=True, title="Letterpress campaign")

    title: Line = Field(description="What the letter is called, for people")
    sender: Sender | None = Field(None, description="Who the letter is from; every letter needs one")
    postal_address: Text | None = Field(None, description="The sender's postal address; the law wants it in every letter")
    audience: Text = Field(description="SQL expression over recipient columns: who may get the letter. TRUE for everyone")
    placements: dict[Name, PlacementFile] = Field(
        min_length=1,
        description="The placements by name, exactly one of them of kind subject, or all of kind web; each has a folder of that name",
    )
    list_id: Line | None = Field(None, description="List-Id of the letters; campaign name and sender's domain if left out")
    topic: Line | None = Field(None, description="What recipients would say the letter is about, such as `news`")
    esp: Line | None = Field(None, description="Where letters are handed off, if not where letterpress.toml says")
    goal: Goal = Field(Goal.CLICK, description="What the ranker is trained to bring about")
    holdout: Holdout = Field(default_factory=Holdout, description="The persistent group that gets default content, or no letters")
    policy: Policy = Field(default_factory=Policy, description="How scores become choices")
    once: bool = Field(False, description="A recipient gets this campaign at most once, over all its sends")
    caps: tuple[Cap, ...] = Field((), description="Frequency limits over all campaigns")
    quiet_hours: Annotated[QuietHours | None, BeforeValidator(_with_times)] = Field(
        None, description="Local times between which nobody is written to"
    )
    attribution: Attribution = Field(default_factory=Attribution, description="For how long clicks and purchases count for the letter")
    departure: Annotated[Departure, BeforeValidator(_with_time_and_day)] = Field(
        default_factory=Departure, description="How fast and when letters leave, and what becomes of those in doubt"
    )
    waves: Waves | None = Field(None, description="A send goes out in random waves with soaks and gates; in one go if left out")
    variant_health: HealthCheck = Field(default_factory=HealthCheck, description="How variants are watched, and what becomes of bad ones")
    experiments: dict[Name, Experiment] = Field(default_factory=dict, description="Arms of recipients who get other variants, by name")
    rollout: Ramp | None = Field(None, description="A new model takes over stage by stage; {} for the usual stages. At once if left out")
    refresh: Refresh = Field(default_factory=Refresh, description="For whom a campaign on pages is decided ahead, and for how long")
    approval: bool = Field(False, description="A send waits until another person has approved its content and audience")
    permutations: tuple[Annotated[tuple[Name, ...], Len(2, 5)], ...] = Field(
        (), description="Groups of published placements whose combinations of variants are each published as one file"
    )


class VariantFile(BaseModel):
    """The front matter of a variant: what is known of it beside its content."""

    model_config = ConfigDict(extra="forbid", frozen=True, title="Letterpress variant")

    category: Name = Field(description="What it is about, such as `garden`; the ranker learns by category")
    title: Line | None = Field(None, description="What it is called in reports; made from the file's name if left out")
    where: Text | None = Field(None, description="SQL expression over recipient columns: who may see it. Everyone if left out")
    default: bool | Annotated[int, Field(ge=1, strict=True)] = Field(
        False, description="true: shown when nothing was chosen. In a placement of several positions the rank: 1, 2, …"
    )
    live_from: Instant | None = Field(None, description="First instant at which it may be shown; UTC unless a zone is given")
    live_until: Instant | None = Field(None, description="First instant at which it may be shown no more")
    cap: Cap | None = Field(None, description="How often one recipient gets it at most; policy.variant_cap if left out")
    limit_per_send: Annotated[int, Field(ge=1, strict=True)] | None = Field(
        None, description="How many recipients of one send get it at most, such as the number of coupons there are"
    )
    features: dict[FeatureName, FeatureValue] = Field(default_factory=dict, description="Facts for the ranker: numbers or words")
    fields: dict[FeatureName, FeatureValue] = Field(
        default_factory=dict, description="Facts for pages: published beside the fragment, for everybody to read"
    )
    preheader: Line | None = Field(None, description="Subjects only: the line that mail programs show after the subject")


Model = TypeVar("Model", bound=BaseModel)


def read_model(kind: type[Model], document: Document, file: str) -> Model:
    """The document as the model. Raises InvalidInput with every mistake and its line."""
    if not isinstance(document.values, dict):
        raise InvalidInput([Mistake("expected `key: value` lines", file, document.line_of(()))])
    try:
        return kind.model_validate(document.values)
    except ValidationError as error:
        details = error.errors(include_url=False, include_input=False)
        raise InvalidInput(list(dict.fromkeys(map(partial(_mistake, kind, document, file), details)))) from None


def _mistake(kind: type[BaseModel], document: Document, file: str, detail: ErrorDetails) -> Mistake:
    path = tuple(step for step in detail["loc"] if step not in ("[key]", "bool", "constrained-int"))
    name, line = ".".join(map(str, path)), document.line_of(path)
    if detail["type"] in ("extra_forbidden", "unexpected_keyword_argument"):
        return Mistake(f"unknown key {name!r}", file, line, nearest(str(path[-1]), _keys(kind, path[:-1])))
    if detail["type"] in ("missing", "missing_argument"):
        return Mistake(f"{name} is missing", file, line)
    if detail["type"] == "string_pattern_mismatch" and detail.get("ctx", {}).get("pattern") == NAME:
        return Mistake(f"{name}: a name has lower-case letters, digits, - and _ only", file, line)
    return Mistake(f"{name}: {detail['msg'].removeprefix('Value error, ').removeprefix('Input ')}", file, line)


def nearest(word: str, known: Mapping[str, object] | set[str]) -> str:
    """A hint that names the known word that was probably meant, or all of them."""
    close = get_close_matches(word, list(known), n=1)
    return f"did you mean {close[0]!r}?" if close else "known: " + ", ".join(sorted(known))


def _keys(kind: type[BaseModel], path: tuple[Any, ...]) -> set[str]:
    """The keys that are known at a path of a model."""
    schema = kind.model_json_schema()
    node: dict[str, Any] = schema
    for step in path:
        node = _below(_resolved(node, schema), step)
    return set(_resolved(node, schema).get("properties", ()))


def _below(node: dict[str, Any], step: object) -> dict[str, Any]:
    found = node.get("properties", {}).get(step) or node.get("items") or node.get("additionalProperties")
    found = found or next(iter(node.get("patternProperties", {}).values()), {})
    return found if isinstance(found, dict) else {}


def _resolved(node: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    options = [option for option in node.get("anyOf", ()) if option.get("type") != "null"]
    node = options[0] if options else node
    return schema["$defs"][node["$ref"].rsplit("/", 1)[-1]] if "$ref" in node else node


def schemas() -> dict[str, str]:
    """The JSON Schemas that editors complete from, by file name."""
    return {"campaign.schema.json": _schema(CampaignFile), "variant.schema.json": _schema(VariantFile)}


def _schema(kind: type[BaseModel]) -> str:
    schema = {"$schema": "https://json-schema.org/draft/2020-12/schema"} | kind.model_json_schema()
    for word in (
        Sender,
        Holdout,
        Policy,
        Diversity,
        Cap,
        QuietHours,
        Attribution,
        Departure,
        WarmUp,
        Waves,
        Gates,
        Ramp,
        HealthCheck,
        Experiment,
        Refresh,
    ):
        if definition := schema.get("$defs", {}).get(word.__name__):
            _describe(definition, word)
    _readable(schema)
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


def _readable(node: object) -> None:
    """Editors check formats more strictly than we read them: `21:00` and `2026-11-23` are fine here, so patterns stand instead."""
    if isinstance(node, dict):
        if pattern := _PATTERNS.get(node.get("format", "")):
            node.pop("format")
            node["pattern"] = pattern
        for below in node.values():
            _readable(below)
    elif isinstance(node, list):
        for below in node:
            _readable(below)


_PATTERNS = {"time": r"^\d{2}:\d{2}(:\d{2})?$", "date": r"^\d{4}-\d{2}-\d{2}$", "date-time": r"^\d{4}-\d{2}-\d{2}"}


def _describe(definition: dict[str, Any], word: type) -> None:
    """Carry the descriptions of a domain word's fields (`Doc`) over: pydantic does not."""
    for name, hint in get_type_hints(word, include_extras=True).items():
        for note in getattr(hint, "__metadata__", ()):
            if isinstance(note, Doc):
                definition["properties"][name]["description"] = note.documentation
