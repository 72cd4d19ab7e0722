"""Retrain the ranker of a campaign. A model that nothing speaks against decides from the next send on, or goes into a rollout."""

from prefect import flow, task
from prefect.artifacts import create_markdown_artifact
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas import State
from prefect.states import Completed

from domain.campaign import Campaign
from flows.attribute_outcomes import attribute_recent
from flows.begin_rollout import begin_rollout
from flows.plan_send import checked_content
from flows.show_artifact import artifact_key, show_picture
from flows.train_model import Trained, train_model
from runtime.clock import now
from runtime.house import House, shared_house


@flow(name="retrain-ranker", flow_run_name="{campaign}")
def retrain_ranker(campaign: str) -> State[str]:
    """Attribute what came back, train, register, show the model's card."""
    house = shared_house()
    attribute_recent(house)
    version, said = train_on_history(campaign)
    return Completed(message=said, data=version)


@task(name="train", cache_policy=NO_CACHE)
def train_on_history(campaign: str) -> tuple[str, str]:
    """The new model's version, and one sentence about it."""
    house = shared_house()
    content = checked_content(house, campaign)
    trained = train_model(house, content, now(), candidate=asks_for_rollout(house, content.campaign))
    show_card(trained)
    version, against = trained.model.model_version, "; ".join(trained.objections)
    said = f"{version} is {trained.state}" + (f": {against}" if against else "")
    if not against and asks_for_rollout(house, content.campaign):
        said += f"; {begin_rollout(house, content.campaign, version, now())}"
    return version, said


def asks_for_rollout(house: House, campaign: Campaign) -> bool:
    """Whether a new model has to prove itself beside one that decides now; the first one has nobody to be compared with."""
    return campaign.rollout is not None and house.models.incumbent(campaign.campaign) is not None


def show_card(trained: Trained) -> None:
    """The model's card and its pictures, as artifacts of the run."""
    card = trained.model.card
    key = artifact_key("card", card.model_version)
    create_markdown_artifact(_as_markdown(trained), key=key, description="What the model is and how good")
    for name, picture in trained.model.pictures.items():
        title = name.removesuffix(".png")
        show_picture(picture, artifact_key(title, card.model_version), title)


def _as_markdown(trained: Trained) -> str:
    card, metrics = trained.model.card, trained.model.card.metrics
    rows = [
        ("state", trained.state.value),
        ("decisions", f"{card.training.rows:,} trained on, {card.held_out.rows:,} held out (by {card.split.by})"),
        ("rate held out", f"observed {metrics.observed_rate:.4f}, predicted {metrics.predicted_rate:.4f}"),
        ("calibration error", f"{metrics.ece:.4f}"),
        ("deviance explained beyond popularity", f"{metrics.deviance_explained:.1%}"),
        *(("NDCG@5 of held-out outcomes", f"{value:.3f}") for value in (metrics.ndcg,) if value is not None),
        ("position", card.position_training.value),
        *(("temperature", f"{found.temperature:g} by {found.basis}") for found in (card.tempering,) if found is not None),
        *(("objection", against) for against in trained.objections),
        *(("note", note) for note in card.notes),
    ]
    return f"# {card.model_version}\n\n| | |\n|---|---|\n" + "\n".join(f"| {name} | {said} |" for name, said in rows) + "\n"
