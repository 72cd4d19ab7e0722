"""The features of a send: computed once for many shards, kept as served, and what deciding reads."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.ids import ModelVersion
from domain.model import ModelState
from domain.send import Send
from flows.compute_shard_features import BLOCK, blocks, compute_shard_features, features_of
from flows.decide_shards import decide_for
from flows.load_basis import load_basis
from flows.load_model import load_model
from flows.open_send import open_send
from flows.prepare_choices import ShardInputs
from flows.retrain_ranker import retrain_ranker
from flows.run_stage import shard_name
from flows.select_audience import select_audience
from flows.send_campaign import resume_send
from flows.take_up_send import take_up_send
from letterpress.demo import Demo
from ranking.layout import FeatureFrame
from ranking.model import RankingModel
from runtime.house import House


@given(st.integers(1, 300), st.integers(0, 40 * BLOCK))
def test_blocks_are_all_shards_in_order_and_about_as_full_as_asked(shards: int, recipients: int) -> None:
    """No shard is lost or doubled, and no block holds half as many again, but for single shards that are larger."""
    cut = blocks(range(shards), recipients)
    assert [shard for block in cut for shard in block] == list(range(shards))
    per_shard = recipients / shards
    assert all(block and (len(block) - 1) * per_shard <= 1.5 * BLOCK for block in cut)


@pytest.fixture
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Several passes over history, of several shards each."""
    monkeypatch.setenv("LETTERPRESS_FEATURE_BLOCK", "150")


@pytest.mark.journey
@pytest.mark.usefixtures("prefect", "small_blocks")
@pytest.mark.parametrize("house", ["sqlite"], indirect=True)
def test_features_are_computed_once_and_decided_from(house: House, campaign_folder: Path) -> None:
    """Shards computed together get the numbers that each alone gets; a resumed send keeps what is there and decides from it."""
    send, model = opened(house, campaign_folder)
    every = list(range(send.shards))
    select_audience.fn(send.send_id, every)
    compute_shard_features.fn(send.send_id, every[:3])
    assert sorted(house.sends.finished_shards(send.send_id, "features")) == every[:3]
    kept = {path: path.stat().st_mtime_ns for path in served_files(house, send)}
    assert len(kept) == 3
    house.sends.set_status(send.send_id, send.status.PAUSED, "stopped", send.as_of)
    resume_send(send.send_id)
    assert {path: path.stat().st_mtime_ns for path in kept} == kept
    assert len(served_files(house, send)) == send.shards
    for shard in (0, 2, 5):
        check_shard(house, send, model, shard)


def opened(house: House, folder: Path) -> tuple[Send, RankingModel]:
    """A send with a model, opened and running, nothing of it done."""
    shutil.rmtree(folder)
    shutil.copytree(Path(__file__).parents[2] / "templates" / "weekly", folder)
    demo = Demo(house, house.settings.var / "demo", recipients=600, weeks=3, seed=3)
    demo.shop()
    demo.imported()
    house.models.set_state(ModelVersion(str(retrain_ranker("weekly"))), ModelState.INCUMBENT)
    send_id = open_send.fn("weekly", demo.at())
    take_up_send(house, send_id)
    send = house.send(send_id)
    model = load_model(house, send.model_version)
    assert model is not None
    return send, model


def served_files(house: House, send: Send) -> list[Path]:
    """The files of the features as served."""
    return [Path(file) for file in house.lake.files("features", {"send_id": send.send_id})]


def check_shard(house: House, send: Send, model: RankingModel, shard: int) -> None:
    """What was served is what the shard alone would get, and the decisions that were written follow from it."""
    partition, name = {"send_id": send.send_id}, shard_name(shard)
    audience = house.lake.read("audience", partition, name=name)
    served = FeatureFrame.from_pandas(house.lake.read("features", partition, name=name), model.parameters.layout)
    [alone] = features_of(house, send, model, [audience])
    assert served.recipient_id.tolist() == audience.loc[audience["exclusion"].isna(), "recipient_id"].tolist()
    np.testing.assert_array_equal(served.recipient, alone.recipient)
    np.testing.assert_array_equal(served.cross, alone.cross)
    basis = load_basis(house, send.send_id)
    again = decide_for(basis, ShardInputs(audience, served, None), {}).decisions
    stored = house.lake.read("decisions", partition, name=name)
    assert again["variant"].tolist() == stored["variant"].tolist()
    np.testing.assert_array_equal(again["score"].to_numpy(np.float32, na_value=np.nan), stored["score"].to_numpy(np.float32))
