"""The visitors of a refresh at hand: features as served, arms and what each may be shown, as arrays that several processes share.

They are laid out once under var/signals/ and mapped into memory, so that a consumer holds what it touches and not the whole list. Ids are
not in them, only their 64-bit hashes.
"""

import fcntl
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from domain.campaign import Surface
from domain.decision import Arm
from domain.hashing import keys_of
from domain.ids import PlacementId
from domain.send import Send, SendStatus
from flows.leave_out_retired import retired_of
from flows.load_basis import Basis, load_basis
from flows.prepare_choices import halves, prepare_choices, read_inputs
from flows.price_variants import prices_for
from flows.split_by_model import has_gone_back
from ranking.deciding.choice_sets import ChoiceSets
from ranking.deciding.redeciding import Decider, Visitors
from ranking.layout import FeatureFrame, Floats
from ranking.model import RankingModel
from ranking.policies.propensities import Eligible
from runtime.house import House

_ARMS = tuple(Arm)
_LOOKED_BACK = timedelta(days=14)  # for the latest refresh


@dataclass(frozen=True, slots=True)
class VisitorIndex:
    """Everybody for whom one model decided in one refresh. `keys` uint64[n] ascending, and where each one's row is."""

    basis: Basis
    decider: Decider
    keys: npt.NDArray[np.uint64]
    place: npt.NDArray[np.int64]
    recipient: Floats
    cross: Floats
    arm: npt.NDArray[np.int8]
    eligible: Sequence[Eligible]

    @property
    def name(self) -> tuple[str, str]:
        """The refresh and the model."""
        return self.basis.send.send_id, self.decider.model.model_version

    @property
    def is_of_candidate(self) -> bool:
        """Whether a candidate decided for them while it is rolled out."""
        return self.decider.model.model_version == self.basis.send.candidate_version

    @property
    def ends_at(self) -> datetime:
        """When what the refresh published is stale."""
        return self.basis.send.as_of + self.basis.ttl

    def rows(self, recipients: Sequence[str]) -> npt.NDArray[np.int64]:
        """Each recipient's row, int64; −1 for who is not of this refresh."""
        keys = keys_of(recipients)
        if not len(self.keys):
            return np.full(len(keys), -1)
        at = np.minimum(np.searchsorted(self.keys, keys), len(self.keys) - 1)
        return np.where(self.keys[at] == keys, self.place[at], -1)

    def visitors(self, recipients: Sequence[str], rows: npt.NDArray[np.int64]) -> Visitors:
        """These recipients, whose rows are known."""
        ids = np.array(recipients, dtype=object)
        features = FeatureFrame(self.decider.model.parameters.layout, ids, np.array(self.recipient[rows]), np.array(self.cross[rows]))
        names = [one.placement for one in self.decider.content.campaign.placements]
        arms = np.array(_ARMS, dtype=object)[self.arm[rows]]
        return Visitors(features, arms, {name: np.array(mask[rows]) for name, mask in zip(names, self.eligible, strict=True)})


def latest_refreshes(house: House, at: datetime) -> list[Send]:
    """The latest finished refresh of each campaign that a model decided, and that is not stale."""
    latest: dict[str, Send] = {}
    for send in house.sends.list(surface=Surface.WEB, since=at - _LOOKED_BACK):
        if send.status is SendStatus.FINISHED:
            latest.setdefault(send.campaign, send)
    return [send for send in latest.values() if send.model_version]


def indexes_of(house: House, send: Send, at: datetime) -> list[VisitorIndex]:
    """The visitors of a refresh, one index for each model that decided for some of them. Laid out now unless another process has."""
    basis = load_basis(house, send.send_id)
    folder = house.settings.var / "signals" / send.send_id
    with _alone(folder):
        if not folder.exists():
            _lay_out(basis, folder)
    found = [one for one in (basis, basis.of_candidate()) if one.model and (folder / one.model.model_version).exists()]
    return still_deciding(house, [_mapped(one, one.model, folder / one.model.model_version, at) for one in found if one.model])


def still_deciding(house: House, indexes: Sequence[VisitorIndex]) -> list[VisitorIndex]:
    """Those of incumbents, and of candidates that were not rolled back: whoever such a one decided for keeps what the incumbent decides
    in its place until the next refresh."""
    return [one for one in indexes if not (one.is_of_candidate and has_gone_back(house, one.basis.send))]


def forget_others(house: House, sends: Sequence[Send]) -> None:
    """Remove what was laid out of earlier refreshes. Who has it mapped keeps it until they let go."""
    kept = {send.send_id for send in sends}
    for folder in (house.settings.var / "signals").glob("*/"):
        if folder.name not in kept and not folder.name.startswith("."):  # what begins with a dot is being laid out
            shutil.rmtree(folder, ignore_errors=True)
            folder.with_suffix(folder.suffix + ".lock").unlink(missing_ok=True)


def _mapped(basis: Basis, model: RankingModel, folder: Path, at: datetime) -> VisitorIndex:
    keys, place, recipient, cross, arm = (
        np.load(folder / f"{name}.npy", mmap_mode="r") for name in ("keys", "place", "recipient", "cross", "arm")
    )
    count = len(basis.content.campaign.placements)
    eligible = [np.load(folder / f"eligible-{number}.npy", mmap_mode="r") for number in range(count)]
    decider = Decider(basis.send, basis.content, model, prices_for(basis), live_now(basis, at))
    return VisitorIndex(basis, decider, keys, place, recipient, cross, arm, eligible)


def live_now(basis: Basis, at: datetime) -> dict[PlacementId, npt.NDArray[np.bool_]]:
    """Which variants of each placement were neither retired nor withdrawn since the refresh, bool[V]."""
    retired = retired_of(basis.house, basis.content, at)
    places = basis.content.campaign.placements
    shown = basis.house.publications.served([one.placement for one in places if one.published], at)
    return {
        one.placement: np.array(
            [
                (one.placement, variant.variant) not in retired and (not one.published or (one.placement, variant.variant) in shown)
                for variant in basis.content.of(one.placement)
            ],
            dtype=bool,
        )
        for one in places
    }


@dataclass(slots=True)
class _Parts:
    """The arrays of one model, shard by shard."""

    keys: list[npt.NDArray[np.uint64]]
    recipient: list[Floats]
    cross: list[Floats]
    arm: list[npt.NDArray[np.int8]]
    eligible: list[list[Eligible]]


def _lay_out(basis: Basis, folder: Path) -> None:
    """Write the arrays beside, then put them in place at once."""
    temporary = folder.with_name(f".{folder.name}.new")
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir(parents=True)
    parts: dict[str, _Parts] = {}
    for shard in sorted(basis.house.sends.finished_shards(basis.send.send_id, "decisions")):
        for own, part in halves(basis, read_inputs(basis, shard)):
            if own.model is None or part.features is None:
                continue
            recipients, sets = prepare_choices(own, part)
            _add(parts.setdefault(own.model.model_version, _Parts([], [], [], [], [])), recipients, sets, part.features)
    for version, found in parts.items():
        _write(found, temporary / version)
    temporary.rename(folder)


def _add(parts: _Parts, recipients: pd.DataFrame, sets: ChoiceSets, features: FeatureFrame) -> None:
    parts.keys.append(keys_of(recipients["recipient_id"].tolist()))
    parts.recipient.append(features.recipient)
    parts.cross.append(features.cross)
    parts.arm.append(np.array([_ARMS.index(Arm(arm)) for arm in recipients["arm"]], dtype=np.int8))
    parts.eligible.append([one.candidates.eligible for one in sets.placements])


def _write(parts: _Parts, folder: Path) -> None:
    folder.mkdir()
    keys = np.concatenate(parts.keys)
    order = np.argsort(keys, kind="stable")
    np.save(folder / "keys.npy", keys[order])
    np.save(folder / "place.npy", order.astype(np.int64))
    for name in ("recipient", "cross", "arm"):
        np.save(folder / f"{name}.npy", np.concatenate(getattr(parts, name)))
    for number, masks in enumerate(zip(*parts.eligible, strict=True)):
        np.save(folder / f"eligible-{number}.npy", np.concatenate(masks))


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """One process at a time lays it out; the others wait for it."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with folder.with_suffix(folder.suffix + ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
