"""Watching the mix of what readers get: the course is kept, and a fall is told."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from domain.errors import InputError
from flows.send_campaign import send_campaign
from flows.watch_diversity import diversity_of, watch_diversity
from letterpress.commands.diversity import shown
from runtime.clock import now
from runtime.house import House

pytestmark = [pytest.mark.journey, pytest.mark.usefixtures("prefect")]

STORY = """\
---
category: {category}
---
<mj-section><mj-column><mj-text>{category}</mj-text></mj-column></mj-section>
"""


def test_a_fall_is_told_of(told: list[dict[str, object]], house: House, people: Callable[[int], None], campaign_folder: Path) -> None:
    """Four kinds of stories to choose from for two letters, then one kind: the course shows it, and somebody hears of it."""
    people(200)
    at, kinds = now().replace(microsecond=0), ("garden", "books", "home", "toys")
    for week in range(4):
        for number in range(8):
            story = STORY.format(category=kinds[number % 4] if week < 2 else "home")
            (campaign_folder / "hero" / f"story{number}.mjml").write_text(story)
        for other in ("spring", "books") if week == 2 else ():
            (campaign_folder / "hero" / f"{other}.mjml").unlink()
        send_campaign("weekly", at + timedelta(minutes=week))
    found = diversity_of(house, "weekly", letters=2)
    assert [point.letters for point in found.points] == [2, 2, 2] and found.fall is not None
    assert found.points[-1].personalised.entropy.mean == 0.0 < found.points[0].personalised.entropy.mean
    assert shown(found, 2).renderables[0].startswith("weekly: the mix has fallen by 100%")  # type: ignore[union-attr]
    assert watch_diversity("weekly", letters=2) is True
    assert [notice["kind"] for notice in told] == ["diversity_fallen"]
    assert "has fallen by 100%" in str(told[0]["title"])


def test_before_a_campaign_was_sent_there_is_nothing_to_watch(house: House) -> None:
    """Said in one sentence."""
    with pytest.raises(InputError, match="nothing of it was sent yet"):
        watch_diversity("weekly")
