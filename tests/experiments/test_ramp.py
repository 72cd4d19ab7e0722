"""One look at a rollout: who goes on, who waits, who goes back, and why."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from domain.rollout import Verdict
from experiments.ramp import Evidence, Metric, Rules, Ruling, rule, watch
from experiments.strata import Moments, Stratum, of_events

NOW = datetime(2026, 11, 23, 9, tzinfo=UTC)
RULES = Rules(planned=200_000.0)
GOOD = Stratum(of_events(20_000, 1_000), of_events(20_000, 1_000))


def look(
    strata: Mapping[Metric, Sequence[Stratum]], *, stage: int = 1, days: float = 8.0, looks: int = 2, mismatch: str | None = None
) -> Ruling:
    """One look, at a stage that began so many days ago."""
    return rule(Evidence(NOW, stage, NOW - timedelta(days=days), looks, Metric.CLICKS, strata, mismatch=mismatch), RULES)


def test_a_stage_that_had_its_time_its_looks_and_its_data_is_over() -> None:
    """Nothing speaks against going on; with any of the three missing it waits, and says for what."""
    assert look({Metric.CLICKS: [GOOD]}).verdict is Verdict.ADVANCE
    assert "lasts until" in look({Metric.CLICKS: [GOOD]}, days=2).reasons[0]
    assert "looks were taken" in look({Metric.CLICKS: [GOOD]}, looks=0).reasons[0]
    few = look({Metric.CLICKS: [Stratum(of_events(100, 5), of_events(100, 5))]})
    assert few.verdict is Verdict.HOLD and "30 needed" in few.reasons[0]


def test_slow_pages_hold_and_never_roll_back() -> None:
    """No stage is left while pages are answered slowly, at the last one either; the candidate is not to blame, so it stays."""
    evidence = Evidence(NOW, 1, NOW - timedelta(days=8), 2, Metric.CLICKS, {Metric.CLICKS: [GOOD]}, served_p99_ms=5.1)
    for ruling in (rule(evidence, RULES), watch(evidence, RULES, sends=1)):
        assert ruling.verdict is Verdict.HOLD
        assert ruling.reasons == ("pages are answered slowly: p99 5.1 ms; no more than 5 ms is allowed",)
    assert rule(replace(evidence, served_p99_ms=5.0), RULES).verdict is Verdict.ADVANCE


def test_half_the_clicks_are_rolled_back() -> None:
    """At a small stage, with the size of the harm in the reason."""
    ruling = look({Metric.CLICKS: [Stratum(of_events(5_000, 125), of_events(95_000, 4_750))]})
    assert ruling.verdict is Verdict.ROLL_BACK
    assert "clicks" in ruling.reasons[0] and "-50%" in ruling.reasons[0]


def test_a_guardrail_rolls_back_what_clicks_well() -> None:
    """Twice the unsubscribes end a rollout whose clicks are fine; half of them do not."""
    doubled = [Stratum(of_events(50_000, 200), of_events(50_000, 100))]
    halved = [Stratum(of_events(50_000, 100), of_events(50_000, 200))]
    assert look({Metric.CLICKS: [GOOD], Metric.UNSUBSCRIBES: doubled}).verdict is Verdict.ROLL_BACK
    assert look({Metric.CLICKS: [GOOD], Metric.UNSUBSCRIBES: halved}).verdict is Verdict.ADVANCE


def test_the_last_step_needs_proof() -> None:
    """At 50 % it is not enough that no harm is established: the loss must be shown to be below the margin."""
    assert look({Metric.CLICKS: [GOOD]}, stage=3).verdict is Verdict.HOLD
    much = Stratum(of_events(400_000, 20_000), of_events(400_000, 20_000))
    assert look({Metric.CLICKS: [much]}, stage=3).verdict is Verdict.ADVANCE


def test_a_sample_ratio_that_cannot_be_chance_blocks_every_verdict() -> None:
    """Even harm is not believed while the arms are not as they were drawn."""
    broken = [Stratum(of_events(5_000, 125), of_events(95_000, 4_750))]
    assert look({Metric.CLICKS: broken}, mismatch="p = 1e-9").verdict is Verdict.HOLD


def test_nothing_to_compare_is_no_verdict() -> None:
    """Before the first matured send it holds."""
    assert look({}).verdict is Verdict.HOLD


def evidence(strata: Mapping[Metric, Sequence[Stratum]], *, hours: float = 50.0, slowness: float | None = None) -> Evidence:
    """At the last stage, which began so many hours ago."""
    return Evidence(NOW, 4, NOW - timedelta(hours=hours), 0, Metric.CLICKS, strata, slowness=slowness)


def test_the_watch_ends_when_its_time_is_up_and_a_send_of_it_was_seen() -> None:
    """48 hours and one matured send; harm ends it at any hour, a mismatch of arms lets nothing be said."""
    assert watch(evidence({Metric.CLICKS: [GOOD]}), RULES, 1).verdict is Verdict.ADVANCE
    early, unseen = watch(evidence({Metric.CLICKS: [GOOD]}, hours=40), RULES, 1), watch(evidence({Metric.CLICKS: [GOOD]}), RULES, 0)
    assert early.verdict is unseen.verdict is Verdict.HOLD
    assert "watched until" in early.reasons[0] and "no send of this stage" in unseen.reasons[0]
    broken = {Metric.CLICKS: [Stratum(of_events(95_000, 2_400), of_events(5_000, 250))]}
    assert watch(evidence(broken, hours=1), RULES, 0).verdict is Verdict.ROLL_BACK


def test_a_slow_candidate_is_held_and_not_rolled_back() -> None:
    """Nobody is harmed by it, so it stays where it is until somebody does something about it."""
    slow = evidence({Metric.CLICKS: [GOOD]}, slowness=3.5)
    assert "3.5 times as long" in watch(slow, RULES, 1).reasons[0]
    assert rule(slow, RULES).verdict is Verdict.HOLD
    assert watch(evidence({Metric.CLICKS: [GOOD]}, slowness=2.9), RULES, 1).verdict is Verdict.ADVANCE


def test_a_mix_may_fall_a_little_but_not_much() -> None:
    """Two models never mix categories alike: a fall of 5 % is nothing, one of 20 % takes the candidate back."""

    def mixed(candidate: float) -> Stratum:
        return Stratum(*(Moments(20_000, 20_000 * mean, 20_000 * (mean**2 + 0.09)) for mean in (candidate, 1.0)))

    assert look({Metric.CLICKS: [GOOD], Metric.DIVERSITY: [mixed(0.95)]}).verdict is Verdict.ADVANCE
    ruling = look({Metric.CLICKS: [GOOD], Metric.DIVERSITY: [mixed(0.8)]})
    assert ruling.verdict is Verdict.ROLL_BACK and "diversity" in ruling.reasons[0]
