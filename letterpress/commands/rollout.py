"""`letterpress rollout`: a new model's way to everyone, and by hand what it does by itself."""

from typing import TYPE_CHECKING, Annotated

import typer

from domain.ids import CampaignId, ModelVersion
from domain.rollout import Verdict
from letterpress.output import emit
from runtime.clock import now
from runtime.people import who
from runtime.settings import load_settings

if TYPE_CHECKING:
    from runtime.house import House

JSON = Annotated[bool, typer.Option("--json", help="Print one JSON document")]
Campaign = Annotated[str, typer.Argument(help="The campaign's folder name")]
Because = Annotated[str, typer.Option("--because", metavar="WHY", help="Why; kept in the audit trail")]
By = Annotated[str | None, typer.Option("--by", metavar="NAME", help="Who does it; LETTERPRESS_BY or the system's user if left out")]


def app_commands(app: typer.Typer) -> None:
    """Register the commands."""
    rollout = typer.Typer(help="A new model's way to everyone: status, begin, advance, hold, rollback.", no_args_is_help=True)
    for command in (status, begin, advance, hold, rollback):
        rollout.command()(command)
    app.add_typer(rollout, name="rollout")


def status(campaign: Campaign, as_json: JSON = False) -> None:
    """Where the campaign's rollout stands, what was seen of it, and what it waits for. Changes nothing."""
    from letterpress.rollout_view import view, view_of
    from runtime.house import shared_house

    house = shared_house()
    found = view_of(house, _named(house, campaign))
    emit(found, as_json=as_json, text=lambda: view(found))


def begin(
    campaign: Campaign,
    model: Annotated[str, typer.Argument(help="The candidate's version: letterpress models list")],
    *,
    because: Because = "begun by hand",
    by: By = None,
    as_json: JSON = False,
) -> None:
    """Put a trained model into the shadow of the incumbent, as retraining does by itself."""
    house = _at_work()
    from flows.begin_rollout import begin_rollout
    from flows.plan_send import checked_content
    from letterpress.rollout_view import view_of

    found, version = checked_content(house, _named(house, campaign)).campaign, house.models.load(ModelVersion(model)).model_version
    said = begin_rollout(house, found, version, now(), who=who(by), why=because)
    emit(view_of(house, found.campaign), as_json=as_json, text=lambda: said)


def advance(campaign: Campaign, *, because: Because = "advanced by hand", by: By = None, as_json: JSON = False) -> None:
    """Go to the next stage whatever was seen; out of the shadow, too. Lets a rollout that is held go on where it is."""
    _steer(campaign, Verdict.ADVANCE, because, by, as_json)


def hold(campaign: Campaign, *, because: Because = "held by hand", by: By = None, as_json: JSON = False) -> None:
    """Let it stand still until somebody advances it. On established harm it goes back all the same."""
    _steer(campaign, Verdict.HOLD, because, by, as_json)


def rollback(campaign: Campaign, *, because: Because = "rolled back by hand", by: By = None, as_json: JSON = False) -> None:
    """Give everyone back to the incumbent, in the decision store too. The candidate is rejected."""
    _steer(campaign, Verdict.ROLL_BACK, because, by, as_json)


def _steer(campaign: str, verdict: Verdict, because: str, by: str | None, as_json: bool) -> None:
    house = _at_work()
    from flows.steer_rollout import steer_rollout
    from letterpress.rollout_view import view, view_of
    from runtime.services import decision_store_running

    name = _named(house, campaign)
    with decision_store_running(house.settings):
        steer_rollout(house, name, verdict, now(), who=who(by), why=because)
    found = view_of(house, name)
    emit(found, as_json=as_json, text=lambda: view(found))


def _at_work() -> "House":
    """The house, with Prefect told where its server is before it is imported: people are told by its events, too."""
    from runtime.services import adopt_prefect_environment

    adopt_prefect_environment(load_settings())
    from runtime.house import shared_house

    return shared_house()


def _named(house: "House", campaign: str) -> CampaignId:
    """The campaign's id; also of one whose files are gone, if there was a rollout of it."""
    if house.rollouts.list(CampaignId(campaign)):
        return CampaignId(campaign)
    return house.campaign_folder(campaign)[0]
