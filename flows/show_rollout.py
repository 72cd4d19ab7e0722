"""Show a look at a rollout on its run's page: what it ended in, why, and what it rests on; nothing of recipients."""

from prefect.artifacts import create_markdown_artifact

from domain.rollout import Look
from flows.show_artifact import artifact_key


def show_look(look: Look) -> None:
    """One markdown artifact per look."""
    stage = "shadow" if look.stage is None else f"stage-{look.stage + 1}"
    key = artifact_key("rollout", look.campaign, stage)
    create_markdown_artifact(look_as_markdown(look), key=key, description=f"{look.candidate}: {look.verdict}")


def look_as_markdown(look: Look) -> str:
    """The look as a page."""
    stage = "in the shadow" if look.stage is None else f"at stage {look.stage + 1}"
    head = f"# {look.campaign}: {look.candidate} {stage}\n\n**{look.verdict}** at {look.at:%Y-%m-%d %H:%M} UTC\n\n"
    reasons = "".join(f"- {reason}\n" for reason in look.reasons)
    rows = "".join(
        f"| {metric} | {name} | {f'{value:,.4g}' if isinstance(value, float | int) else value} |\n"
        for metric, figures in look.figures.items()
        for name, value in figures.items()
    )
    sends = f"\nSends: {', '.join(look.sends)}.\n" if look.sends else ""
    return head + reasons + "\n| | | |\n|---|---|---:|\n" + rows + sends
