"""Signals, from the event to the decision that has changed: in this process, and in consumers that are killed."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path

import numpy as np
import orjson
import pytest
import redis

from benchmarks.signalling.shop import CATEGORIES, HERO, SEARCHED, furnish, liked_by, refresh
from domain.decision import Arm, PublishedDecision
from domain.errors import InputError
from domain.ids import RecipientId, SendId, VariantId, decision_id_of
from domain.publication import PublicationState
from domain.send import Send
from domain.signal import Signal
from letterpress.attending import MOST_DELIVERIES, Attendant, Attended
from letterpress.reacting import DECISIONS, SIGNALS, Reactor
from letterpress.session_why import explain_session, held_session
from runtime.house import House, shared_house
from runtime.serving import Serving, open_serving
from storage.embedded import EmbeddedRedis
from storage.signals import SignalStreams
from tests.journeys.desk import wait_until
from web.segment import read_request

PEOPLE = 2_000
_NUMBERS = count()


def now() -> datetime:
    """The time of day."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Shop:
    """A furnished house with its HTTP parts, a refresh, and the arm of each recipient in it."""

    home: Path
    house: House
    serving: Serving
    send: Send
    arms: dict[str, str]

    def people(self, arm: Arm, most: int, likes: str) -> list[str]:
        """Recipients of an arm who like a category; nobody twice in all tests."""
        found = [who for who, theirs in self.arms.items() if theirs == arm.value and liked_by(int(who[1:])) == likes][:most]
        for who in found:
            del self.arms[who]
        return found

    def tell(self, who: str, event: str, **properties: object) -> None:
        """What the site tells of somebody."""
        call = {"type": "track", "event": event, "userId": who, "messageId": f"m{next(_NUMBERS)}", "properties": properties}
        self.serving.site_events.append(read_request(call, source="shop", received_at=now()).events)

    def held(self, who: str) -> PublishedDecision:
        """What pages show them."""
        return self.house.decisions.get(RecipientId(who), HERO, now(), (VariantId("default"),))

    def attendant(self, reactor: Reactor | None = None) -> Attendant:
        """A consumer in this process."""
        streams = self.serving.signals
        return Attendant(f"test-{next(_NUMBERS)}", streams, reactor or self.reactor(), now)

    def reactor(self) -> Reactor:
        """One that knows nothing yet."""
        return Reactor(self.house, self.serving.signals, self.house.sessions, now)

    def attended(self, signals: int, attendant: Attendant | None = None) -> Attended:
        """What a consumer did by the time that it had dealt with so many signals."""
        deadline = now() + timedelta(seconds=30)
        return (attendant or self.attendant()).attend(lambda done: done.signals + done.set_aside < signals and now() < deadline)


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """A shop whose model has learnt what a search means."""
    home = tmp_path_factory.mktemp("shop")
    server = EmbeddedRedis(home / "var" / "redis")
    server.start()
    with pytest.MonkeyPatch.context() as patch:
        for name, text in {"HOME": str(home), "WRITE_KEYS": "shop:a-key-of-the-shop", "SECRET_KEY": "test"}.items():
            patch.setenv(f"LETTERPRESS_{name}", text)
        shared_house.cache_clear()
        house = shared_house()
        send = furnish(house, PEOPLE, now() - timedelta(minutes=5))
        audience = house.lake.read("audience", {"send_id": send.send_id})
        serving = open_serving(house.settings)
        serving.signals.join()
        yield Shop(home, house, serving, send, dict(zip(audience["recipient_id"], audience["arm"], strict=True)))
        house.database.dispose()
        serving.database.dispose()
        shared_house.cache_clear()
    server.stop()


def test_a_search_outweighs_what_somebody_always_liked(shop: Shop) -> None:
    """Lovers of boots who search for hats are shown hats; each decision is logged under the name that is published, with its chance."""
    people = shop.people(Arm.INCUMBENT, 40, "boots")
    before = [shop.held(who).variants[0] for who in people]
    for who in people:
        shop.tell(who, "Products Searched", query=SEARCHED["hats"])
    assert shop.attended(40).recipients == 40
    after = [shop.held(who) for who in people]
    assert np.mean([one == "boots" for one in before]) > 0.7
    assert np.mean([one.variants[0] == "hats" for one in after]) > 0.7
    log = shop.house.lake.read(DECISIONS, {"send_id": shop.send.send_id}).set_index("recipient_id").loc[people]
    assert [(one.send_id, one.variants[0]) for one in after] == list(zip(log["send_id"], log["variant"], strict=True))
    assert [decision_id_of(SendId(s), RecipientId(w), HERO, 1) for s, w in zip(log["send_id"], people, strict=True)] == log[
        "decision_id"
    ].tolist()
    assert log["propensity"].between(0.0, 1.0, inclusive="right").all() and set(log["arm"]) == {Arm.INCUMBENT.value}
    assert all(one.send_id and one.send_id.startswith(shop.send.send_id + "+") for one in after)
    assert all(one.expires_at == before_.expires_at for one, before_ in zip(after, [shop.held(w) for w in people], strict=True))


def test_arms_stay_what_they_are(shop: Shop) -> None:
    """The holdout keeps its default, whatever it does; who explores gets another draw, as likely as any."""
    held_out, exploring = shop.people(Arm.HOLDOUT, 5, "coats"), shop.people(Arm.EXPLORE, 5, "coats")
    assert held_out and exploring
    for who in [*held_out, *exploring]:
        shop.tell(who, "Products Searched", query=SEARCHED["socks"])
    shop.attended(len(held_out) + len(exploring))
    assert {shop.held(who).send_id for who in held_out} == {shop.send.send_id}
    assert {shop.held(who).variants for who in held_out} == {(VariantId("default"),)}
    log = shop.house.lake.read(DECISIONS, {"send_id": shop.send.send_id}).set_index("recipient_id")
    assert set(log.loc[exploring, "arm"]) == {Arm.EXPLORE.value}
    assert not set(held_out) & set(log.index)


def test_not_every_signal_decides(shop: Shop) -> None:
    """Coming does, and interest that moves; scrolling and looking at more of the same do not."""
    [who] = shop.people(Arm.INCUMBENT, 1, "boots")
    attendant = shop.attendant()
    rounds = []
    for event, properties in [
        ("Scroll", {"depth": 10}),
        ("Scroll", {"depth": 50}),
        ("Product Viewed", {"category": "hats"}),
        ("Product Viewed", {"category": "hats"}),
        ("Product Viewed", {"category": "coats"}),
        ("Cart Viewed", {}),
        ("Product Added to Wishlist", {"category": "coats"}),
    ]:
        shop.tell(who, event, **properties)
        before = attendant.done.recipients
        shop.attended(attendant.done.signals + 1, attendant)
        rounds.append(attendant.done.recipients - before)
    assert rounds == [1, 0, 1, 0, 1, 0, 1]


def test_what_was_withdrawn_since_is_not_chosen(shop: Shop) -> None:
    """Not even for whom the refresh could choose it."""
    people = shop.people(Arm.INCUMBENT, 15, "hats")
    step = shop.house.publications.at([HERO], now())[HERO, VariantId("socks")]
    withdrawn = type(step)(HERO, VariantId("socks"), step.digest, step.url, PublicationState.WITHDRAWN, now())
    shop.house.publications.step(withdrawn)
    for who in people:
        shop.tell(who, "Products Searched", query=SEARCHED["socks"])
    shop.attended(len(people))
    shop.house.publications.step(type(step)(HERO, VariantId("socks"), step.digest, step.url, PublicationState.PUBLISHED, now()))
    assert all(shop.held(who).send_id != shop.send.send_id for who in people)
    assert not any(shop.held(who).variants[0] == "socks" for who in people)


def test_a_signal_that_comes_again_changes_nothing(shop: Shop) -> None:
    """The profile is as it was, and so are the features that the next decision is made from."""
    [who] = shop.people(Arm.INCUMBENT, 1, "boots")
    reactor = shop.reactor()
    reactor.look_for_refresh()
    shop.tell(who, "Product Viewed", category="hats")
    entries = shop.serving.signals.read("by hand", range(8), 10, timedelta(milliseconds=50))
    signals = [entry.signal for entry in entries if entry.signal]
    assert reactor.react(signals) == 1
    profile, told = shop.house.sessions.get(who), shop.house.sessions.told([who])
    assert reactor.react(signals * 3) == 0
    assert (shop.house.sessions.get(who), shop.house.sessions.told([who])) == (profile, told)
    reactor.write_log()
    shop.serving.signals.finish(entries)


class Stumbling(Reactor):
    """One that a certain visitor makes fall."""

    fell = 0

    def react(self, signals: Sequence[Signal]) -> int:
        if any(one.visitor == "~a:cursed" for one in signals):
            self.fell += 1
            raise ValueError("whatever it was")
        return super().react(signals)


def test_poison_holds_nobody_up(shop: Shop) -> None:
    """What is no signal is set aside at once, what always fails after some attempts; everybody else is decided for."""
    people = shop.people(Arm.INCUMBENT, 6, "coats")
    redis.Redis.from_url(EmbeddedRedis(shop.home / "var" / "redis").url).xadd("signals:0", {"s": b"{}"})
    call = {"type": "page", "anonymousId": "cursed", "messageId": "cursed"}
    shop.serving.site_events.append(read_request(call, source="shop", received_at=now()).events)
    for who in people:
        shop.tell(who, "Products Searched", query=SEARCHED["boots"])
    stumbling = Stumbling(shop.house, shop.serving.signals, shop.house.sessions, now)
    done = shop.attended(len(people) + 2, shop.attendant(stumbling))
    assert (done.recipients, done.set_aside) == (len(people), 2)
    assert stumbling.fell >= MOST_DELIVERIES
    told = {one["reason"] for one in shop.serving.signals.poison()}
    assert told == {"not a signal", f"failed {MOST_DELIVERIES} times, the last time with ValueError"}
    assert (shop.serving.signals.lag(now()).waiting, shop.serving.signals.lag(now()).taken) == (0, 0)


def test_why_shows_what_the_session_outweighed(shop: Shop) -> None:
    """What was searched for, both scores, and that the favourite has changed for it."""
    [who] = shop.people(Arm.INCUMBENT, 1, "boots")
    shop.tell(who, "Product Viewed", category="coats")
    shop.tell(who, "Products Searched", query=SEARCHED["coats"])
    shop.attended(2)
    session = held_session(shop.house, who, HERO)
    assert session == shop.held(who).send_id
    found = explain_session(shop.house, SendId(str(session)), who)
    assert [(one.kind, one.about, one.query) for one in found.acts] == [
        ("searched", "coats", SEARCHED["coats"]),
        ("page_viewed", "coats", None),
    ]
    [favourites] = found.favourites
    assert (favourites.without_session, favourites.with_session, favourites.overridden) == ("boots", "coats", True)
    assert favourites.scores_without[0] > favourites.scores_without[1] and favourites.scores_with[1] > favourites.scores_with[0]
    logged = shop.house.lake.read(DECISIONS, {"send_id": shop.send.send_id})
    [score] = logged[(logged["send_id"] == session) & (logged["recipient_id"] == who)]["score"]
    chosen = next(one for one in found.candidates if one.position == 1)
    assert chosen.score == pytest.approx(score, rel=1e-6)  # computed again from what was kept
    told = say("why", str(session), who)
    assert "the session outweighs what was known before" in told and f"searched '{SEARCHED['coats']}', which is about coats" in told
    assert say("why", who, "--placement", HERO) == told
    with pytest.raises(InputError, match="nothing is known"):
        explain_session(shop.house, SendId(f"{shop.send.send_id}+999999"), who)


def say(*arguments: str) -> str:
    """What a command says, run in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-m", "letterpress", *arguments], capture_output=True, text=True, check=False, env=os.environ | {"COLUMNS": "200"}
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.journey
def test_nothing_is_lost_when_a_consumer_is_killed(shop: Shop) -> None:
    """Two consumers share the visitors; one is killed with -9 in the middle. Everybody who searched has another decision, logged and
    finished, and the one that is left ends when asked to."""
    people = [who for likes in CATEGORIES for who in shop.people(Arm.INCUMBENT, 100, likes)]
    first, second = consumer(), consumer()
    wait_until(lambda: shop.serving.signals.lag(now()).consumers == 2, "two consumers")
    for number, who in enumerate(people):
        shop.tell(who, "Products Searched", query=SEARCHED[CATEGORIES[number % 4]])
        if number == len(people) // 2:
            os.kill(first.pid, signal.SIGKILL)
    wait_until(lambda: all("+" in str(shop.held(who).send_id) for who in people), "everybody's decision")
    wait_until(lambda: idle(shop.serving.signals), "the streams to be finished")
    lag = orjson.loads(say("signals", "lag", "--json"))
    assert (lag["waiting"], lag["taken"], lag["consumers"]) == (0, 0, 1)
    second.send_signal(signal.SIGTERM)
    out, err = second.communicate(timeout=60)
    assert second.returncode == 0, err
    assert orjson.loads(out)["taken_over"] > 0
    first.communicate()
    for table in (DECISIONS, SIGNALS):
        logged = shop.house.lake.read(table, {"send_id": shop.send.send_id})
        held = {(who, str(shop.held(who).send_id)) for who in people}
        assert held <= set(zip(logged["recipient_id"], logged["send_id"], strict=True))


@pytest.mark.journey
def test_a_consumer_that_dies_is_started_again(shop: Shop) -> None:
    """By the command that was asked for several; asked to end it ends them all."""
    command = [sys.executable, "-m", "letterpress", "signals", "run", "--consumers", "2"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    wait_until(lambda: shop.serving.signals.lag(now()).consumers == 2, "two consumers")
    killed = int(Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()[0])
    os.kill(killed, signal.SIGKILL)
    wait_until(lambda: shop.serving.signals.lag(now()).consumers < 2, "one consumer")
    wait_until(lambda: shop.serving.signals.lag(now()).consumers == 2, "two consumers again")
    process.send_signal(signal.SIGTERM)
    _, err = process.communicate(timeout=60)
    assert (process.returncode, err.count("attending to signals"), err.count("is started again")) == (0, 3, 1)


def consumer() -> "subprocess.Popen[str]":
    """`letterpress signals run` in a process of its own."""
    command = [sys.executable, "-m", "letterpress", "signals", "run", "--json"]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def idle(streams: SignalStreams) -> bool:
    """Whether every signal is finished."""
    lag = streams.lag(now())
    return lag.waiting + lag.taken == 0


def test_a_newer_refresh_is_taken_up_beside(shop: Shop) -> None:
    """Once it is finished, and laid out; what was decided for an earlier one is let go of."""
    [who] = shop.people(Arm.INCUMBENT, 1, "boots")
    moment = [now()]
    reactor = Reactor(shop.house, shop.serving.signals, shop.house.sessions, lambda: moment[0])
    assert reactor.look_for_refresh()
    newer = refresh(shop.house, shop.house.contents.load(shop.send.content_version), now())
    assert not reactor.look_for_refresh()
    moment[0] += timedelta(seconds=6)
    wait_until(reactor.look_for_refresh, "the newer refresh")
    shop.tell(who, "Products Searched", query=SEARCHED["hats"])
    shop.attended(1, shop.attendant(reactor))
    assert str(shop.held(who).send_id).startswith(newer.send_id + "+")
    assert [path.name for path in (shop.home / "var" / "signals").iterdir() if path.is_dir()] == [newer.send_id]
