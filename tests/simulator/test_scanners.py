"""Machines as vendors and senders describe them, and people as they look from outside."""

from collections import Counter
from itertools import pairwise

from domain.event import EventKind
from domain.ids import RecipientId
from simulator.mailboxes import By, Mailbox, Town, draw_mailboxes
from simulator.scanners import UNSUBSCRIBE, Habits, Visit, recheck, scan
from simulator.visiting import Manners, visit

IDS = [RecipientId(f"r{number}") for number in range(4_000)]
LINKS = [f"l{number}" for number in range(8)]
TOWN = Town()


def boxes(town: Town = TOWN) -> list[Mailbox]:
    """A list's mailboxes."""
    return draw_mailboxes(IDS, town, 1)


def by_letter(visits: list[Visit], kind: By) -> dict[str, list[Visit]]:
    """One kind's clicks, by letter."""
    found: dict[str, list[Visit]] = {}
    for one in visits:
        if one.by is kind:
            found.setdefault(one.recipient_id, []).append(one)
    return found


def test_shares_of_mailboxes_are_as_asked() -> None:
    """About 15 % are guarded, all mailboxes of a company alike, and none of a provider's; half load pictures by proxy."""
    drawn = boxes()
    assert 0.10 < sum(box.guard is not None for box in drawn) / len(drawn) < 0.20
    assert 0.45 < sum(box.pictures for box in drawn) / len(drawn) < 0.55
    guards: dict[str, set[By | None]] = {}
    for box in drawn:
        guards.setdefault(box.domain, set()).add(box.guard)
    assert all(len(found) == 1 for found in guards.values())
    assert all(found == {None} for domain, found in guards.items() if not domain.startswith("company"))
    assert drawn == boxes()


def test_a_sandbox_opens_every_link_within_seconds() -> None:
    """Within a minute of the hand-off, all links within ten seconds; a few letters are opened again hours later."""
    letters = by_letter(scan(boxes(), LINKS, TOWN, Habits(), seed=1), By.SANDBOX)
    assert len(letters) > 100
    for seen in letters.values():
        first = [one for one in seen if one.after < 100]
        assert {one.link for one in first} - {UNSUBSCRIBE} == set(LINKS)
        assert max(one.after for one in first) - min(one.after for one in first) <= 10
    again = sum(any(one.after >= 3_600 for one in seen) for seen in letters.values())
    assert 0 < again < 0.15 * len(letters)


def test_a_gateway_comes_with_the_letter() -> None:
    """Some name themselves, some have no name; some follow the first few links only."""
    letters = by_letter(scan(boxes(), LINKS, TOWN, Habits(), seed=1), By.GATEWAY)
    agents = Counter(one.agent for seen in letters.values() for one in seen)
    assert "" in agents and any("Barracuda" in agent or "proofpoint" in agent for agent in agents)
    assert any(len({one.link for one in seen} & set(LINKS)) < 5 for seen in letters.values())
    assert all(min(one.after for one in seen) < 20 for seen in letters.values())


def test_a_sampler_looks_at_some_links_minutes_later() -> None:
    """One to three of them, of some of the letters, as browsers."""
    letters = by_letter(scan(boxes(), LINKS, TOWN, Habits(), seed=1), By.SAMPLER)
    guarded = sum(box.guard is By.SAMPLER for box in boxes())
    assert 0.5 * guarded < len(letters) < 0.9 * guarded
    assert all(1 <= len(seen) <= 3 and all(one.agent.startswith("Mozilla") for one in seen) for seen in letters.values())


def test_scattered_scanners_share_no_network() -> None:
    """Through residential proxies no two letters are looked at from one network."""
    seen = [one for one in scan(boxes(), LINKS, TOWN, Habits(scattered=True), seed=1) if one.by in (By.SANDBOX, By.SAMPLER)]
    pairs = {(one.network, one.recipient_id) for one in seen}
    assert len({network for network, _ in pairs}) == len(pairs)


def test_people_take_their_time() -> None:
    """Hours after the letter, from one network, in the order of the letter, mostly with a page looked at in between."""
    clicks = dict.fromkeys(IDS[:500], LINKS[:3])
    letters = by_letter(visit(boxes(), clicks, Manners(), seed=1), By.READER)
    assert len(letters) == 500
    for seen in letters.values():
        assert len({(one.network, one.agent) for one in seen}) == 1
        assert [one.link for one in seen if one.kind is EventKind.CLICKED][:3] == LINKS[:3]
    gaps = sorted(b.after - a.after for seen in letters.values() for a, b in pairwise(seen[1:4]))
    assert 15 < gaps[len(gaps) // 2] < 40


def test_sandboxes_check_what_people_click() -> None:
    """Only for those who have one, the same link, within seconds."""
    town = Town(company=1.0, protected=1.0, scanners=(1.0, 0.0, 0.0))
    clicks = [one for one in visit(boxes(town), dict.fromkeys(IDS[:400], LINKS[:1]), Manners(), seed=1) if one.kind is EventKind.CLICKED]
    again = recheck(boxes(town), clicks, town, Habits(), seed=1)
    assert 120 < len(again) < 280
    at = {one.recipient_id: one.after for one in clicks}
    assert all(one.by is By.RECHECK and abs(one.after - at[one.recipient_id]) < 21 for one in again)
    assert recheck(boxes(Town(company=0.0)), clicks, town, Habits(), seed=1) == []
