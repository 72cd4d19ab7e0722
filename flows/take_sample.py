"""Take a sample of a send that is not opened yet: real recipients from all over the list, and their letters. Writes nothing."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd

from audience.eligibility import eligible_variants
from delivery.compliance.covering import Eligible, covering_slates
from delivery.compliance.inspection import Sample, sample_of
from delivery.mime import RenderError
from domain.content import Content
from domain.hashing import BUCKETS
from domain.send import Send
from flows.open_press import press_for
from flows.select_audience import selected
from runtime.house import House
from storage.recipients import expand, recipients_of

RECIPIENTS = 50  # whose letters are printed
_WINDOWS = 8  # places in the list that are looked at
_WIDTHS = (400, 4_000, 40_000)  # recipients per place; more where few of them get a letter


@dataclass(slots=True)
class LetterSample:
    """Letters, and why others could not be printed."""

    letters: list[Sample] = field(default_factory=list)
    unprintable: Counter[str] = field(default_factory=Counter)


def take_sample(house: House, send: Send, content: Content) -> LetterSample:
    """Letters of up to 50 recipients of the audience, a list's buckets being a fair sample of it: with default content, with their largest
    variants, and so that every variant that any of them may see is in one letter at least."""
    found = sampled_recipients(house, send, content)
    people, press, sample = list(recipients_of(found)), press_for(house, content, send), LetterSample()
    for who, slate in covering_slates(content, _eligible(house, send, content, found)):
        try:
            letter, preview = press.compose(people[who], slate), press.preview(people[who], slate)
        except RenderError as error:
            sample.unprintable[str(error)] += 1
        else:
            sample.letters.append(sample_of(people[who], slate, letter, preview))
    return sample


def sampled_recipients(house: House, send: Send, content: Content) -> pd.DataFrame:
    """Up to 50 admitted recipients as an AUDIENCE frame, from places spread over all buckets; fewer if no more turn up."""
    count, admitted = house.recipients.count(), pd.DataFrame()
    for width in _WIDTHS:
        cut = replace(send, shards=max(1, min(BUCKETS, count // width)))
        places = np.unique(np.linspace(0, cut.shards - 1, _WINDOWS).astype(int)).tolist()
        frames = [selected(house, cut, content.campaign, place)[0] for place in places]
        audience = pd.concat(frames, ignore_index=True)
        admitted = audience[audience["exclusion"].isna()]
        if len(admitted) >= RECIPIENTS or len(places) == cut.shards:
            break
    chosen = np.unique(np.linspace(0, max(0, len(admitted) - 1), RECIPIENTS).astype(int))
    return admitted.iloc[chosen] if len(admitted) else admitted


def _eligible(house: House, send: Send, content: Content, recipients: pd.DataFrame) -> Sequence[Eligible]:
    """What each of them may be shown at the send's instant."""
    kinds = house.recipients.attributes()
    may_see = eligible_variants(content, expand(recipients, kinds), kinds, send.as_of) if len(recipients) else {}
    names = {placement: [(v.variant, v.live_at(send.as_of)) for v in content.of(placement)] for placement in may_see}
    return [
        {
            placement: tuple(variant for (variant, live), sees in zip(names[placement], rows[who], strict=True) if live and sees)
            for placement, rows in may_see.items()
        }
        for who in range(len(recipients))
    ]
