"""Hand off a send in stages: wave by wave, when it is due, as many as may leave a day. Where it stands is in the database."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from prefect import get_run_logger
from prefect.futures import as_completed

from delivery.departures.course import (
    Arrived,
    Depart,
    FinishWave,
    GiveUp,
    OpenWave,
    Party,
    Rules,
    Standing,
    Step,
    Wait,
    leaves_now,
    next_step,
    rules_of,
)
from delivery.stopping import SendStopped
from domain.campaign import Campaign
from domain.ids import SendId
from domain.send import Send, SendStatus
from flows.allow_departures import allowed_turn, give_back
from flows.draw_up_timetable import Timetable, draw_up_timetable, still_left, timetable_of
from flows.hand_off_due import Passed, Turn, hand_off_due
from flows.pause_send import pause_send
from flows.report_progress import ProgressArtifact
from flows.run_stage import run_stage
from flows.wait_for import wait_for
from flows.watch_send import Watch, watch_over
from runtime.clock import now
from runtime.house import House


def hand_off_waves(house: House, send_id: SendId, run_id: str) -> None:
    """Take every step until everybody's turn has come or the deadline passes. Raises what stopped it, or SendStopped."""
    run_stage(house, send_id, "timetable", draw_up_timetable, tasks=house.settings.workers)
    voyage = set_out(house, house.send(send_id), run_id)
    while not isinstance(step := voyage.next_step(), Arrived | GiveUp):
        voyage.take(step)


def set_out(house: House, send: Send, run_id: str) -> "Voyage":
    """Where a run takes a send up: from its beginning, or from where another run left it."""
    campaign = house.contents.load(send.content_version).campaign
    rules, timetable = rules_of(send, campaign), timetable_of(house, send.send_id)
    left = still_left(house, send.send_id, timetable, rules.waves)
    watch, progress = watch_over(house, send, campaign), ProgressArtifact(send.send_id, "handoff", sum(timetable.values()))
    return Voyage(house, send, campaign, rules, run_id, watch, progress, timetable, left)


@dataclass(slots=True)
class Voyage:
    """A send under way in this run. `left`: letters by shard and party that have not had their turn."""

    house: House
    send: Send
    campaign: Campaign
    rules: Rules
    run_id: str
    watch: Watch
    progress: ProgressArtifact
    timetable: Timetable
    left: Timetable
    capped_until: datetime | None = field(default=None)

    def next_step(self) -> Step:
        """What to do now."""
        waves = self.house.waves.of(self.send.send_id)
        finished_at = waves[-1].finished_at if waves else None
        standing = Standing(len(waves), finished_at, _by_party(self.timetable), _by_party(self.left), self.capped_until)
        return next_step(self.rules, standing, now())

    def take(self, step: Step) -> None:
        """Do it."""
        match step:
            case OpenWave(wave):
                self._open(wave)
            case FinishWave(wave):
                self.house.waves.finish(self.send.send_id, wave, now())
            case Depart():
                self._depart(step)
            case Wait():
                self.progress.say(str(step))
                wait_for(self.house, self.send.send_id, step, self.watch)

    def _open(self, wave: int) -> None:
        """Open a wave, unless a gate has tripped or somebody has stopped the send: `watch` finds out."""
        _go_on(self.watch())
        self.house.waves.open(self.send.send_id, wave, now())
        get_run_logger().info("%s: wave %d of %d is open", self.send.send_id, wave, self.rules.waves)

    def _depart(self, step: Depart) -> None:
        due = {key for key, left in self.left.items() if left and leaves_now(key[1], self.rules, step)}
        turn = allowed_turn(self.house, self.send, self.campaign, Turn(step, tuple(sorted({shard for shard, _ in due}))))
        if not isinstance(turn, Turn):
            self.capped_until = turn
            return
        self.progress.say(f"handing off wave {step.waves} of {self.rules.waves}")
        for passed in self._run(turn):
            self.left |= {key: passed.left[key[1]] for key in due if key[0] == passed.shard}
            self.progress.reach(sum(self.timetable.values()) - sum(self.left.values()))
        give_back(self.house, self.send, turn)
        _go_on(self.house.send(self.send.send_id).status)

    def _run(self, turn: Turn) -> Sequence[Passed]:
        """The turn, over shards side by side: one task per worker, because turns are many and Prefect bears 200 tasks a run."""
        workers = self.house.settings.workers
        turns = [Turn(turn.step, shards, turn.allowances, turn.until) for at in range(workers) if (shards := turn.shards[at::workers])]
        passed, failures = list[Passed](), list[Exception]()
        for future in as_completed([hand_off_due.submit(self.send.send_id, self.run_id, one) for one in turns]):
            try:
                passed += future.result()
            except Exception as failure:
                pause_send(self.house, self.send.send_id, failure)
                failures.append(failure)
        if failures:
            raise failures[0]
        return passed


def _by_party(letters: Timetable) -> Counter[Party]:
    found: Counter[Party] = Counter()
    for (_, party), count in letters.items():
        found[party] += count
    return found


def _go_on(status: SendStatus) -> None:
    if status is not SendStatus.RUNNING:
        raise SendStopped(status)
