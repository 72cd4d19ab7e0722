"""`letterpress train`, `evaluate` and `models`: the ranker, its judgement and its registry."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from domain.campaign import Goal
from domain.errors import InputError
from domain.ids import CampaignId, ModelVersion
from letterpress.instants import instant
from letterpress.output import emit, progress
from runtime.clock import now

if TYPE_CHECKING:
    from domain.content import Content
    from runtime.house import House

JSON = Annotated[bool, typer.Option("--json", help="Print one JSON document")]
Campaign = Annotated[str | None, typer.Argument(help="The campaign's folder name; all of history if left out")]
Where = Annotated[str | None, typer.Option("--where", help="SQL over recipients: whose decisions to use, such as 'bucket < 32768'")]
AsOf = Annotated[str | None, typer.Option("--as-of", help="Use only what was received before this instant; now if left out")]


@dataclass(frozen=True, slots=True)
class Trained:
    """What `train` answers: the model's card, its state in the registry, and why it is not the incumbent if it is not."""

    state: str
    objections: Sequence[str]
    card: dict[str, Any]


def app_commands(app: typer.Typer) -> None:
    """Register the commands."""
    app.command()(train)
    app.command()(evaluate)
    models = typer.Typer(help="Trained models: list, show, diff, promote.", no_args_is_help=True)
    models.command("list")(list_models)
    models.command("show")(show_model)
    models.command("diff")(diff_two_models)
    models.command("promote")(promote_model)
    app.add_typer(models, name="models")


def train(
    campaign: Campaign = None,
    *,
    where: Where = None,
    as_of: AsOf = None,
    goal: Annotated[Goal | None, typer.Option(help="What to predict; the campaign's goal if left out")] = None,
    candidate: Annotated[bool, typer.Option("--candidate", help="Register it without letting it decide")] = False,
    search: Annotated[bool, typer.Option("--search", help="Try other settings than the incumbent's; keep them if they gain")] = False,
    anyway: Annotated[bool, typer.Option("--anyway", help="Train although the data speak against it; the card says so")] = False,
    as_json: JSON = False,
) -> None:
    """Train a ranking model on imported or own history and let it decide from the next send on.

    Broken data end it with 2 and the reason: a week with hardly any decisions or clicks, values gone missing, features beyond recognition.
    """
    from flows.train_model import Manner, train_model
    from letterpress.ranking_views import card_view
    from ranking.model import card_document
    from runtime.house import shared_house

    house = shared_house()
    at, content = instant(as_of, "--as-of") if as_of else now(), _content(house, campaign)
    with progress() as shown:
        shown.add_task("training", total=None)
        found = train_model(house, content, at, where=where, goal=goal, candidate=candidate, manner=Manner(search, anyway))
    card, state = found.model.card, found.state.value
    emit(Trained(state, found.objections, card_document(card)), as_json=as_json, text=lambda: card_view(card, state, found.objections))


def evaluate(
    campaign: Campaign = None,
    *,
    model: Annotated[
        str | None, typer.Option("--model", help="A model's version, compared with the incumbent; the incumbent if left out")
    ] = None,
    where: Where = None,
    as_of: AsOf = None,
    goal: Annotated[
        Goal | None, typer.Option(help="What values are counted in; the model's, else the campaign's goal, if left out")
    ] = None,
    temperature: Annotated[
        float | None, typer.Option(min=1e-3, help="The policy's temperature; the campaign's, else the model's, if left out")
    ] = None,
    default: Annotated[list[str] | None, typer.Option(help="PLACEMENT=VARIANT[,VARIANT…]: the default slate of a placement")] = None,
    picture: Annotated[Path | None, typer.Option(help="PNG file to draw values and reliability into")] = None,
    as_json: JSON = False,
) -> None:
    """What the model's policy would have earned on logged decisions it has not seen, against simple policies, with intervals.

    Ends with 0 whatever the verdict: "cannot tell" is an answer. Ends with 2 where there is nothing to judge on, and says what is missing.
    """
    from letterpress.evaluating import Asked, check_picture, draw, evaluated
    from letterpress.ranking_views import evaluation_view
    from ranking.too_little import TooLittleData
    from runtime.house import shared_house

    house = shared_house()
    at, content = instant(as_of, "--as-of") if as_of else now(), _content(house, campaign)
    if picture:
        check_picture(picture)
    with progress() as shown:
        shown.add_task("evaluating", total=None)
        answer = evaluated(house, Asked(campaign, content, model, where, at, goal, temperature, default or []))
    if isinstance(answer, TooLittleData):
        raise InputError(str(answer), hint=answer.advice)
    if picture:
        draw(answer, picture)
    emit(answer, as_json=as_json, text=lambda: evaluation_view(answer))


def list_models(campaign: Campaign = None, as_json: JSON = False) -> None:
    """All models, the latest first."""
    from letterpress.ranking_views import models_view
    from runtime.house import shared_house

    rows = shared_house().models.list(CampaignId(campaign) if campaign else None)
    emit(rows, as_json=as_json, text=lambda: models_view(rows) if rows else "no model yet: letterpress train")


def show_model(
    version: Annotated[str, typer.Argument(help="The model's version")],
    pictures: Annotated[Path | None, typer.Option(help="Folder to write the card's pictures into")] = None,
    as_json: JSON = False,
) -> None:
    """A model's card: what it was trained on, how good it is, what it looks at."""
    from letterpress.ranking_views import card_view
    from ranking.model import card_of
    from runtime.house import shared_house

    found = shared_house().models.load(ModelVersion(version))
    if pictures:
        pictures.mkdir(parents=True, exist_ok=True)
        for name, data in found.files.items():
            if name.endswith(".png"):
                (pictures / name).write_bytes(data)
    emit(found.row, as_json=as_json, text=lambda: card_view(card_of(found.row.card), found.row.state.value, ()))


def diff_two_models(
    a: Annotated[str, typer.Argument(metavar="A", help="A model's version, such as the incumbent's")],
    b: Annotated[str, typer.Argument(metavar="B", help="The version to look at beside it")],
    as_json: JSON = False,
) -> None:
    """What sets two models apart: metrics side by side, and what differs in data, code, features, parameters and settings."""
    from letterpress.model_diff import diff_models
    from letterpress.model_diff_view import diff_view
    from ranking.model import RankingModel
    from runtime.house import shared_house

    stored = [shared_house().models.load(ModelVersion(version)) for version in (a, b)]
    found = diff_models(*(RankingModel.from_files(each.files) for each in stored))
    emit(found, as_json=as_json, text=lambda: diff_view(found))


def promote_model(version: Annotated[str, typer.Argument(help="The model's version")], as_json: JSON = False) -> None:
    """Let a model decide from the next send on; the one before it is retired."""
    from domain.model import ModelState
    from runtime.house import shared_house

    house = shared_house()
    house.models.set_state(ModelVersion(version), ModelState.INCUMBENT)
    emit(house.models.get(ModelVersion(version)), as_json=as_json, text=lambda: f"{version} decides from the next send on")


def _content(house: "House", campaign: str | None) -> "Content | None":
    from delivery.compile import compile_campaign

    return compile_campaign(Path(house.campaign_folder(campaign)[1])) if campaign else None
