"""Whether the experiments of a campaign.yaml can be kept apart, and name what there is."""

from collections.abc import Collection, Iterator

from delivery.file_models import CampaignFile, nearest
from delivery.yaml_lines import Document
from domain.campaign import Campaign
from domain.content import Variant
from domain.errors import Mistake


def check_experiments(written: CampaignFile, document: Document, file: str) -> list[Mistake]:
    """Placements that are not there, arms that name none, and two experiments on one placement, with their lines."""
    found, taken = list[Mistake](), dict[str, str]()
    for name, experiment in written.experiments.items():
        for arm, choices in experiment.arms.items():
            for placement in choices:
                line = document.line_of(("experiments", name, "arms", arm, placement))
                what = f"experiments.{name}.arms.{arm}"
                if placement not in written.placements:
                    found.append(
                        Mistake(f"{what}: there is no placement {placement!r}", file, line, nearest(placement, set(written.placements)))
                    )
                elif taken.setdefault(placement, name) != name:
                    told = f"{what}: {placement} is part of the experiment {taken[placement]!r} already"
                    found.append(Mistake(told, file, line, "one experiment per placement, so that each shows what it did itself"))
        if not any(experiment.arms.values()):
            line = document.line_of(("experiments", name))
            found.append(
                Mistake(f"experiments.{name}: all of its arms are the letter as it is", file, line, "arms: {control: {}, new: {hero: [x]}}")
            )
    return found


def unknown_variants(campaign: Campaign, variants: Collection[Variant]) -> Iterator[Mistake]:
    """Variants that an arm names and no folder holds."""
    for name, experiment in campaign.experiments.items():
        for arm, choices in experiment.arms.items():
            for placement, wanted in choices.items():
                there = {str(one.variant) for one in variants if one.placement == f"{campaign.campaign}.{placement}"}
                for variant in wanted:
                    if variant not in there:
                        what = f"experiments.{name}.arms.{arm}.{placement}: there is no variant {variant!r}"
                        yield Mistake(what, campaign.file, None, nearest(variant, there))
                if not wanted:
                    what = f"experiments.{name}.arms.{arm}.{placement} names no variant"
                    yield Mistake(what, campaign.file, None, "leave the placement out to have it as it is")
