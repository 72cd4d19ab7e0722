"""Whether the rollout of a campaign.yaml can be kept to."""

from itertools import pairwise

from delivery.yaml_lines import Document
from domain.campaign import Ramp
from domain.errors import Mistake

_HINT = "shares are of the recipients outside the holdout, such as [0.01, 0.05, 0.2, 0.5, 1]"


def check_rollout(ramp: Ramp | None, document: Document, file: str) -> list[Mistake]:
    """What contradicts itself, with its line."""
    if ramp is None:
        return []
    found = [
        Mistake(f"rollout.stages: {after:g} after {before:g} is no step forward", file, document.line_of(("rollout", "stages", at)), _HINT)
        for at, (before, after) in enumerate(pairwise(ramp.stages), start=1)
        if after <= before
    ]
    line = document.line_of(("rollout", "stages"))
    if ramp.stages[-1] < 1:
        what = f"rollout.stages end with {ramp.stages[-1]:g}: the candidate would never take over"
        found.append(Mistake(what, file, line, "end with 1"))
    over = [stage for stage in ramp.stages[:-1] if stage > 1 - ramp.control]
    if over:
        what = f"rollout.stages: {over[0]:g} leaves the incumbent less than the control of {ramp.control:g}"
        found.append(Mistake(what, file, line, "a smaller stage, or a smaller control"))
    return found
