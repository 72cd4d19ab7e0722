"""Selection: who is kept out, and for which one reason."""

from collections.abc import Mapping
from datetime import UTC, datetime, time, timedelta

import numpy as np
import pandas as pd
import pytest

from audience.counts import AudienceCounts, count, refuse_empty
from audience.expressions import parse
from audience.selection import AUDIENCE_COLUMNS, select
from domain.campaign import Campaign, Cap, Sender
from domain.departure import QuietHours
from domain.errors import InputError
from domain.ids import CampaignId, RecipientId
from domain.message import Exclusion

AS_OF = datetime(2026, 11, 23, 9, tzinfo=UTC)
NOBODY = pd.DataFrame({"recipient_id": pd.array([], dtype="str"), "answered_at": pd.to_datetime([], utc=True)})


def campaign(**parts: object) -> Campaign:
    return Campaign(CampaignId("weekly"), "Weekly", Sender("Shop", "hi@shop.example"), "1 Street", "TRUE", (), **parts)  # type: ignore[arg-type]


def candidates(n: int) -> pd.DataFrame:
    """Recipients r0, r1, … against whom nothing speaks."""
    ids = [f"r{i}" for i in range(n)]
    return pd.DataFrame(
        {
            "recipient_id": ids,
            "address": [f"{i}@mail.example" for i in ids],
            "address_normalised": [f"{i}@mail.example" for i in ids],
            "bucket": np.arange(n, dtype=np.int32),
            "time_zone": "UTC",
            "locale": "en",
            "consent": True,
            "created_at": pd.Timestamp("2026-01-01", tz="UTC"),
            "attributes": "{}",
            "orders": np.arange(n, dtype=float),
        }
    )


def audience(
    frame: pd.DataFrame,
    *,
    suppressed: set[str] | None = None,
    spared: Mapping[str, Exclusion] | None = None,
    recent: pd.DataFrame = NOBODY,
    sent: set[RecipientId] | None = None,
    definition: Campaign | None = None,
    expression: str = "TRUE",
) -> pd.DataFrame:
    return select(
        frame,
        expression=parse(expression, {"orders": "numeric"}),  # type: ignore[dict-item]
        suppressed=suppressed or set(),
        spared=spared or {},
        handed_off_recently=recent,
        already_sent=sent or set(),
        campaign=definition or campaign(),
        as_of=AS_OF,
    )


def test_nothing_speaks_against_them() -> None:
    """Recipients against whom nothing speaks are admitted: no exclusion, and no arm yet."""
    found = audience(candidates(3))
    assert tuple(found.columns) == AUDIENCE_COLUMNS
    assert found["exclusion"].isna().all()
    assert found["arm"].isna().all()


def test_only_those_who_match() -> None:
    """Only recipients for whom the expression holds are in the audience, in the candidates' order and with their index."""
    found = audience(candidates(5).iloc[::-1], expression="orders >= 3")
    assert found["recipient_id"].tolist() == ["r4", "r3"]
    assert found.index.tolist() == [4, 3]


def test_every_reason_in_order_of_precedence() -> None:
    """Of several reasons the first in the order of Exclusion is given."""
    frame = candidates(9)
    frame.loc[:3, "consent"] = False
    frame.loc[:4, "address"] = "x@mail.example\r\nBcc: y@mail.example"
    frame.loc[:7, "time_zone"] = "Asia/Tokyo"  # 18:00 there
    opted_out, paused = Exclusion.OPTED_OUT, Exclusion.PAUSED
    found = audience(
        frame,
        suppressed={"r0@mail.example"},
        spared={"r0@mail.example": opted_out, "r1@mail.example": opted_out, "r2@mail.example": paused},
        recent=pd.DataFrame({"recipient_id": [f"r{i}" for i in range(7)], "answered_at": AS_OF - timedelta(days=1)}),
        sent={RecipientId(f"r{i}") for i in range(6)},
        definition=campaign(caps=(Cap(1, 7),), quiet_hours=QuietHours(time(17), time(7))),
    )
    later = {Exclusion.HELD_OUT, Exclusion.CANCELLED, Exclusion.DEADLINE}  # these come with the arms, and once a send is under way
    later |= {Exclusion.INACTIVE, Exclusion.OVER_BUDGET, Exclusion.OUT_OF_TIME}  # of refreshes
    assert found["exclusion"].tolist()[:8] == [reason.value for reason in Exclusion if reason not in later]
    assert pd.isna(found["exclusion"].iloc[8])


def test_missing_consent_is_no_consent() -> None:
    """Whoever's consent is not known has not consented."""
    frame = candidates(2).astype({"consent": "boolean"})
    frame.loc[0, "consent"] = pd.NA
    assert audience(frame)["exclusion"].tolist()[0] == Exclusion.NO_CONSENT


def test_counts_add_up() -> None:
    """matched = admitted + excluded(reason…), and counts of shards add up to those of the whole."""
    frame = candidates(10)
    frame.loc[:3, "consent"] = False
    whole = count(audience(frame, expression="orders < 8"), len(frame))
    halves = [count(audience(half, expression="orders < 8"), len(half)) for half in (frame[:5], frame[5:])]
    assert whole == AudienceCounts(10, 8, {Exclusion.NO_CONSENT: 4}) == halves[0] + halves[1]
    assert whole.admitted == 4


@pytest.mark.parametrize(
    ("counts", "said"),
    [
        (AudienceCounts(), "there are no recipients"),
        (AudienceCounts(5_000, 0), "holds for none of 5,000 recipients"),
        (
            AudienceCounts(5_000, 1_204, {Exclusion.SUPPRESSED: 204, Exclusion.NO_CONSENT: 1_000}),
            "1,204 match, 204 suppressed, 1,000 without consent",
        ),
    ],
)
def test_empty_audience(counts: AudienceCounts, said: str) -> None:
    """An audience without anybody left is refused as the user's mistake, with the reasons counted."""
    with pytest.raises(InputError, match=said) as refused:
        refuse_empty(counts)
    assert refused.value.exit_code == 2


def test_somebody_left() -> None:
    """One recipient who is left is enough."""
    refuse_empty(AudienceCounts(2, 2, {Exclusion.NO_CONSENT: 1}))
