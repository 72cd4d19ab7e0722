"""Telling machines from people by what they did."""

import random
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from delivery.machines.scoring import judge_all
from delivery.machines.weights import BOUNDS, RULE_VERSION, WEIGHTS, Signal, score_of, verdict_of
from domain.event import EventKind
from domain.machine import Trace, Verdict
from tests.delivery.machines.traces import BROWSER, judged, post, told, trace


def test_a_click_on_its_own_is_likely_a_persons() -> None:
    """One link, a browser, an hour later: +15, and why."""
    (found,) = judged([trace()])
    assert (found.verdict, found.score, found.reasons) == (Verdict.LIKELY_HUMAN, 15, ("on its own",))
    assert found.rule_version == RULE_VERSION


@pytest.mark.parametrize(
    ("agent", "verdict"),
    [
        ("Barracuda Sentinel (EE)", Verdict.MACHINE),
        ("python-requests/2.32.3", Verdict.MACHINE),
        ("Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)", Verdict.MACHINE),
        ("Microsoft Office/16.0 (Windows NT 10.0; Microsoft Outlook 16.0.17; Pro)", Verdict.MACHINE),
        ("", Verdict.SUSPECTED),
        (None, Verdict.LIKELY_HUMAN),
        (
            "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148",
            Verdict.LIKELY_HUMAN,
        ),
    ],
)
def test_agents_speak_for_themselves(agent: str | None, verdict: Verdict) -> None:
    """Who says it is a machine is one; an agent that nobody told us is no evidence."""
    assert judged([trace(agent=agent)])[0].verdict is verdict


def test_many_links_at_once_are_a_machines() -> None:
    """Three distinct links in ten seconds are too many for a person, five more so; three in eleven are not."""
    assert {one.verdict for one in judged([trace(100 + k, f"l{k}") for k in range(3)])} == {Verdict.MACHINE}
    assert {one.score for one in judged([trace(100 + k, f"l{k}") for k in range(5)])} == {-80}
    assert {one.score for one in judged([trace(100 + 5.5 * k, f"l{k}") for k in range(3)])} == {0}


def test_the_same_link_again_is_one_link() -> None:
    """A double click is a click on its own, from whichever events it is made."""
    assert {one.verdict for one in judged([trace(100 + k, "a") for k in range(6)])} == {Verdict.LIKELY_HUMAN}


def test_a_click_that_an_esp_counted_too_is_not_another_link() -> None:
    """Two links of ours and the same two in the ESP's words are two."""
    theirs = [told(f'{{"event":"click","url":"https://shop.example/{k}","useragent":"{BROWSER}"}}', 100.2 + k) for k in range(2)]
    theirs = [replace(one, event=replace(one.event, source="esp")) for one in theirs]
    assert not {one.verdict for one in judged([trace(100, "a"), trace(101, "b"), *theirs])} & {Verdict.MACHINE, Verdict.SUSPECTED}


def test_three_networks_within_two_minutes_are_too_many() -> None:
    """Two are a phone that leaves the house."""
    assert {one.verdict for one in judged([trace(100 + 50 * k, "a", network=f"n{k}") for k in range(2)])} == {Verdict.LIKELY_HUMAN}
    found = judged([trace(100 + 50 * k, "a", network=f"n{k}") for k in range(3)])
    assert {one.verdict for one in found} == {Verdict.SUSPECTED}
    assert all("3 or more networks within 120 s" in one.reasons for one in found)


def test_following_the_unsubscribe_link_and_another_is_suspect() -> None:
    """Scanners follow it like any other; a person who does so unsubscribes, and is believed."""
    both = [trace(100, "a"), trace(130, "unsubscribe")]
    assert {one.verdict for one in judged(both)} == {Verdict.SUSPECTED}
    counted = judged([*both, post(160)])
    assert [one.verdict for one in counted] == [Verdict.UNCLEAR, Verdict.UNCLEAR, Verdict.HUMAN]


@pytest.mark.parametrize("agent", ["", "python-requests/2", "GoogleBot"])
def test_a_post_is_somebodys_wish(agent: str) -> None:
    """RFC 8058: mail providers post for their users, with agents and networks of machines, for many at once. It counts all the same."""
    wishes = [[replace_recipient(post(100, agent=agent, network="provider"), f"r{k}")] for k in range(30)]
    assert {one.verdict for one in judged(*wishes)} == {Verdict.HUMAN}


def replace_recipient(one: Trace, who: str) -> Trace:
    """The same by somebody else."""
    return trace(100, None, who=who, kind=one.event.kind, method="POST", agent="", network="provider", domain=f"{who}.example")


def test_a_network_that_comes_to_many_recipients_is_suspect() -> None:
    """Ten recipients within ten minutes, of more than one mail domain; an office that all clicks at once is no machine."""
    crowd = [[trace(100 + 50 * k, who=f"r{k}", network="cloud", domain=f"d{k % 2}")] for k in range(10)]
    assert {one.verdict for one in judged(*crowd)} == {Verdict.SUSPECTED}
    assert {one.verdict for one in judged(*crowd[:9])} == {Verdict.LIKELY_HUMAN}
    office = [[trace(100 + 50 * k, who=f"r{k}", network="office", domain="d")] for k in range(10)]
    assert {one.verdict for one in judged(*office)} == {Verdict.LIKELY_HUMAN}
    slow = [[trace(100 + 70 * k, who=f"r{k}", network="cloud", domain=f"d{k % 2}")] for k in range(10)]
    assert {one.verdict for one in judged(*slow)} == {Verdict.LIKELY_HUMAN}


def test_what_comes_at_once_is_less_likely_a_person() -> None:
    """Under twenty seconds, or before the ESP even answered; alone that is no verdict."""
    assert [judged([trace(after)])[0].score for after in (-3, 19, 20)] == [-5, -5, 15]


def test_a_machine_that_comes_back_is_known() -> None:
    """One link, hours after the same network and agent opened all of them; a person's click on the same letter is left alone."""
    scan = [trace(5 + k, f"l{k}", network="cloud", agent="Mozilla/5.0 Chrome") for k in range(5)]
    again, person = trace(9_000, "l1", network="cloud", agent="Mozilla/5.0 Chrome"), trace(7_000, "l2")
    found = judged([*scan, again, person])
    assert found[-2].verdict is Verdict.SUSPECTED
    assert found[-1].verdict is Verdict.LIKELY_HUMAN


def test_a_visitor_that_is_a_machine_to_most_is_one_to_all() -> None:
    """Network and agent of ten scans make an eleventh, single click suspect; another agent there is not."""
    scans = [[trace(5 + k, f"l{k}", who=f"r{n}", network="cloud", domain="d") for k in range(5)] for n in range(10)]
    lone, other = (
        trace(5_000, who="r98", network="cloud", domain="d"),
        trace(5_000, who="r99", network="cloud", agent="Other/1", domain="d"),
    )
    found = judged(*scans, [lone], [other])
    assert "network and agent are a machine's elsewhere" in found[-2].reasons and found[-2].verdict is Verdict.SUSPECTED
    assert found[-1].verdict is Verdict.LIKELY_HUMAN


def test_pictures_loaded_ahead_of_people_are_a_machines() -> None:
    """Apple's proxy by its bare agent, an ESP's flag; Gmail's proxy loads them when somebody reads."""
    kinds = {"Mozilla/5.0": Verdict.MACHINE, BROWSER: Verdict.UNCLEAR, "Mozilla/5.0 (via ggpht.com GoogleImageProxy)": Verdict.UNCLEAR}
    for agent, verdict in kinds.items():
        assert judged([trace(kind=EventKind.OPENED, link=None, agent=agent)])[0].verdict is verdict
    assert judged([told('{"event":"open","sg_machine_open":true}', kind=EventKind.OPENED)])[0].verdict is Verdict.SUSPECTED


def test_what_is_fetched_ahead_of_a_click_is_no_click() -> None:
    """Browsers say so in a header."""
    assert judged([trace(purpose="prefetch;prerender")])[0].verdict is Verdict.SUSPECTED


@given(st.lists(st.sampled_from(list(Signal)), unique=True))
def test_scores_add_up_and_bounds_are_in_order(signals: list[Signal]) -> None:
    """Every score has one verdict, and a worse score never a better one."""
    score = score_of(signals)
    assert score == sum(WEIGHTS[signal] for signal in signals)
    order = list(Verdict)
    assert order.index(verdict_of(score - 1)) <= order.index(verdict_of(score))
    assert [bound for bound, _ in BOUNDS] == sorted(bound for bound, _ in BOUNDS)


@pytest.mark.parametrize(("score", "verdict"), [(-60, "machine"), (-59, "suspected"), (-25, "suspected"), (-24, "unclear")])
def test_bounds_from_below(score: int, verdict: str) -> None:
    """As FACTS §9 has them."""
    assert verdict_of(score) == verdict


@pytest.mark.parametrize(("score", "verdict"), [(14, "unclear"), (15, "likely_human"), (39, "likely_human"), (40, "human")])
def test_bounds_from_above(score: int, verdict: str) -> None:
    """As FACTS §9 has them."""
    assert verdict_of(score) == verdict


EVENTS = st.builds(
    trace,
    st.integers(0, 300).map(float),
    st.sampled_from(["a", "b", "c", "d", "unsubscribe"]),
    who=st.sampled_from(["r1", "r2"]),
    kind=st.sampled_from([EventKind.CLICKED, EventKind.OPENED, EventKind.UNSUBSCRIBED]),
    agent=st.sampled_from(["", None, BROWSER, "Mozilla/5.0", "curl/8"]),
    network=st.sampled_from(["n1", "n2", "n3", None]),
    method=st.sampled_from(["GET", "POST"]),
)


@given(st.lists(EVENTS, max_size=14, unique_by=lambda one: one.event.event_id), st.integers(0, 1_000))
def test_the_order_of_arrival_changes_nothing(events: list[Trace], seed: int) -> None:
    """The same events in any order, of messages in any order, have the same verdicts; every event has one."""
    shuffled = random.Random(seed).sample(events, len(events))

    def verdicts(given: list[Trace]) -> set[object]:
        messages = [[one for one in given if one.event.recipient_id == who] for who in dict.fromkeys(e.event.recipient_id for e in given)]
        return set(judge_all(lambda: messages))

    assert verdicts(events) == verdicts(shuffled)
    assert len(verdicts(events)) == len(events)


PHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148"


def test_two_visitors_for_two_links_are_suspect() -> None:
    """Another network and another program for another link, within two minutes: as through residential proxies."""
    both = [trace(100, "a", network="n1", agent=BROWSER), trace(190, "b", network="n2", agent=PHONE)]
    found = judged(both)
    assert {one.verdict for one in found} == {Verdict.SUSPECTED}
    assert all("two links within 120 s, each from another network and as another program" in one.reasons for one in found)


@pytest.mark.parametrize(
    "second",
    [
        trace(190, "b", network="n2", agent=BROWSER),  # a phone that leaves the house
        trace(190, "b", network="n1", agent=PHONE),  # the app's browser, then the phone's
        trace(190, "a", network="n2", agent=PHONE),  # the same letter on another device: the same link
        trace(221, "b", network="n2", agent=PHONE),  # later
        trace(190, "b", network=None, agent=PHONE),
        trace(190, "b", network="n2", agent=None),
        trace(190, "b", network="n2", agent="Barracuda Sentinel (EE)"),  # a machine's own click, which says so
    ],
)
def test_what_people_do_too(second: Trace) -> None:
    """One of the three alone is what people do, and so is a click beside that of a machine which is known by itself."""
    first, _ = judged([trace(100, "a", network="n1", agent=BROWSER), second])
    assert first.verdict.counts


def test_a_check_at_the_moment_of_a_click_leaves_the_person_alone() -> None:
    """A person reads on while a scanner checks what they followed, from its own network, as another browser."""
    person = [trace(100, "a"), trace(140, "b")]
    checks = [trace(108, "a", network="cloud", agent=PHONE), trace(152, "b", network="cloud", agent=PHONE)]
    assert all(one.verdict.counts for one in judged([*person, *checks])[:2])
