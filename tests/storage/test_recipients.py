"""Recipients: what is upserted comes back as frames and as values."""

from datetime import UTC, datetime

import numpy as np
import orjson
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain.errors import InputError
from domain.hashing import BUCKETS, bucket_of
from domain.ids import RecipientId
from domain.recipient import AttributeKind, Recipient
from storage.database import Database
from storage.recipients import COLUMNS, Recipients, expand, recipients_of
from tests.storage.frames import recipients_frame

AT = datetime(2026, 11, 23, 9, tzinfo=UTC)
TYPES = {"recipient_id": "str", "bucket": "int32", "consent": "bool", "created_at": "datetime64[us, UTC]", "attributes": "str"}


def test_frames_come_back_as_they_went_in(database: Database) -> None:
    """A recipient's columns survive the database, with the mailbox normalised and the bucket that the hash says."""
    recipients = Recipients(database)
    frame = recipients_frame(
        "r2", "r1", address=["Two@Example.org", "one@example.org"], consent=[True, False], attributes=['{"age":7}', "{}"]
    )
    assert recipients.upsert(frame, AT) == 2
    loaded = recipients.load()
    assert list(loaded.columns) == list(COLUMNS)
    assert {name: str(loaded[name].dtype) for name in TYPES} == TYPES
    assert loaded["recipient_id"].tolist() == ["r1", "r2"]
    assert loaded["address_normalised"].tolist() == ["one@example.org", "two@example.org"]
    assert loaded["address"].tolist() == ["one@example.org", "Two@Example.org"]
    assert loaded["bucket"].tolist() == [bucket_of("r1"), bucket_of("r2")]
    assert loaded["consent"].tolist() == [False, True]
    assert loaded["created_at"].tolist() == frame["created_at"].tolist()


def test_upserting_counts_what_changed(database: Database) -> None:
    """Upserting equal rows again changes nothing; a changed row is replaced and counted."""
    recipients = Recipients(database)
    recipients.upsert(recipients_frame("r1", "r2"), AT)
    assert recipients.upsert(recipients_frame("r1", "r2"), AT) == 0
    assert recipients.upsert(recipients_frame("r1", "r2", "r3", locale=["de", "en", "en"]), AT) == 2
    assert recipients.load()["locale"].tolist() == ["de", "en", "en"]
    assert recipients.count() == 3


def test_two_recipients_cannot_share_a_mailbox(database: Database) -> None:
    """A second recipient for a mailbox is refused with everything that came with it."""
    recipients = Recipients(database)
    recipients.upsert(recipients_frame("r1", address=["ann@example.org"]), AT)
    with pytest.raises(InputError):
        recipients.upsert(recipients_frame("r2", "r3", address=["x@example.org", "ANN@example.org"]), AT)
    assert recipients.count() == 1


def test_shards_divide_the_recipients(database: Database) -> None:
    """Ranges of buckets that cover all of them load every recipient once."""
    recipients = Recipients(database)
    recipients.upsert(recipients_frame(*(f"r{number}" for number in range(300))), AT)
    parts = [recipients.load(lo, lo + BUCKETS // 4) for lo in range(0, BUCKETS, BUCKETS // 4)]
    assert all(len(part) for part in parts)
    assert sorted(pd.concat(parts)["recipient_id"]) == sorted(f"r{number}" for number in range(300))


def test_an_empty_shard_is_an_empty_frame_of_the_same_types(database: Database) -> None:
    """Nobody in a range of buckets gives no rows, and the columns and types of a frame with rows."""
    empty = Recipients(database).load_expanded(0, 1)
    assert len(empty) == 0
    assert {name: str(empty[name].dtype) for name in TYPES} == TYPES


def test_attributes_are_declared_once(database: Database) -> None:
    """An attribute keeps the kind of its first declaration; another kind is refused and named."""
    recipients = Recipients(database)
    recipients.declare({"age": AttributeKind.NUMERIC, "plan": AttributeKind.CATEGORICAL}, AT)
    recipients.declare({"age": AttributeKind.NUMERIC, "city": AttributeKind.TEXT}, AT)
    with pytest.raises(InputError, match="'age' is numeric"):
        recipients.declare({"age": AttributeKind.TEXT, "new": AttributeKind.TEXT}, AT)
    assert recipients.attributes() == {"age": AttributeKind.NUMERIC, "city": AttributeKind.TEXT, "plan": AttributeKind.CATEGORICAL}


def test_expanding_reads_attributes_by_their_kind() -> None:
    """Numbers become float64 with NaN for what is missing; everything else str with NA; booleans are true and false."""
    frame = recipients_frame("r1", "r2", attributes=['{"age":41,"plan":"gold","vip":true}', '{"age":null,"vip":false,"undeclared":1}'])
    kinds = {"age": AttributeKind.NUMERIC, "plan": AttributeKind.CATEGORICAL, "vip": AttributeKind.CATEGORICAL}
    expanded = expand(frame, kinds)
    assert expanded["age"].dtype == np.float64
    assert expanded["age"].tolist()[0] == 41
    assert np.isnan(expanded["age"].tolist()[1])
    assert expanded["plan"].isna().tolist() == [False, True]
    assert expanded["vip"].tolist() == ["true", "false"]
    assert "undeclared" not in expanded


def test_recipients_are_found_by_id_or_address(database: Database) -> None:
    """One recipient comes back as a value, by id or by any spelling of the address; nobody is None."""
    recipients = Recipients(database)
    recipients.upsert(recipients_frame("r1", address=["Ann@example.org"], attributes=['{"age":41}']), AT)
    created = datetime(2026, 1, 1, tzinfo=UTC)
    ann = Recipient(RecipientId("r1"), "Ann@example.org", "UTC", "en", True, created, {"age": 41})
    assert recipients.get("r1") == ann
    assert recipients.get("ann@EXAMPLE.org") == ann
    assert recipients.get("nobody") is None
    assert list(recipients_of(recipients.load())) == [ann]


def test_by_ids_finds_those_there_are(database: Database) -> None:
    """Asking for many ids gives the rows of those that exist."""
    recipients = Recipients(database)
    recipients.upsert(recipients_frame("r1", "r2"), AT)
    wanted = [RecipientId(f"r{number}") for number in range(2, 12_000)]
    assert recipients.by_ids(wanted)["recipient_id"].tolist() == ["r2"]


def test_owners_tell_whose_a_mailbox_is(database: Database) -> None:
    """Of normalised addresses those that somebody has are returned with their recipient."""
    recipients = Recipients(database)
    recipients.upsert(recipients_frame("r1", address=["Ann@example.org"]), AT)
    assert recipients.owners(["ann@example.org", "bob@example.org"]) == {"ann@example.org": "r1"}


TEXTS = st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1, max_size=20)


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    who=TEXTS,
    attributes=st.dictionaries(TEXTS, st.one_of(TEXTS, st.booleans(), st.none(), st.floats(allow_nan=False, allow_infinity=False))),
)
def test_any_text_survives(database: Database, who: str, attributes: dict[str, object]) -> None:
    """Ids and attributes of any letters, HTML and quotes included, come back exactly."""
    recipients = Recipients(database)
    address = f"{bucket_of(who)}-{len(who)}-{who.encode().hex()}@example.org"
    recipients.upsert(recipients_frame(who, address=[address], attributes=[orjson.dumps(attributes).decode()]), AT)
    found = recipients.get(who)
    assert found is not None
    assert (found.recipient_id, found.attributes) == (who, attributes)
