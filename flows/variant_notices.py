"""What people are told when variants were retired, or the mix of what readers get has fallen."""

from collections.abc import Sequence
from datetime import datetime

from delivery.notices import Notice
from domain.campaign import Campaign
from domain.variant_state import Retirement
from experiments.diversity_trend import Fall


def variants_notice(campaign: Campaign, retired: Sequence[Retirement], at: datetime) -> Notice:
    """Variants were retired: which, why, and how to take it back."""
    name = campaign.campaign
    title = f"{name}: {len(retired)} variant{'s' * (len(retired) != 1)} retired"
    said = "".join(f"  {one.placement}/{one.variant}\n    {one.why}\n" for one in retired)
    text = (
        f"At {at:%Y-%m-%d %H:%M} UTC these variants of the campaign {name} were retired, because readers clicked them less than others "
        f"would have been clicked by the same readers. No further send chooses them.\n\n{said}\n"
        f"  letterpress variants health {name}                shows all figures\n"
        "  letterpress variants revive PLACEMENT/VARIANT     lets sends choose it again\n"
    )
    return Notice("variants_retired", None, name, at, title, text, {f"{one.placement}/{one.variant}": one.why for one in retired})


def diversity_notice(campaign: Campaign, fall: Fall, at: datetime) -> Notice:
    """The mix of categories in readers' letters has fallen: by how much, and what can be done."""
    name, (now, before) = campaign.campaign, (fall.now.personalised, fall.before.personalised)
    title = f"{name}: the mix of what readers get has fallen by {fall.share:.0%}"
    text = (
        f"Readers of the last {fall.now.letters} letters of the campaign {name}, up to {fall.now.send_id}, were shown a mix of categories "
        f"with an entropy of {now.entropy.mean:.2f} nats on average; for the {fall.before.letters} letters before it was "
        f"{before.entropy.mean:.2f}.\n\n"
        f"  letterpress diversity {name}      shows the course\n"
        "  policy.diversity in campaign.yaml sets a floor under each reader's mix\n"
    )
    facts = {"now": now.entropy.mean, "before": before.entropy.mean, "variants": now.variants}
    return Notice("diversity_fallen", None, name, at, title, text, facts)
