"""The hand-off benchmark, in small."""

import pytest

from benchmarks.handoff import FULL, QUICK, Way, figures_of, measured


@pytest.mark.parametrize("name", ["sendgrid_calls", "sendgrid_two_workers", "sendgrid", "sendgrid_one_by_one", "smtp"])
def test_every_letter_arrives_and_is_counted(name: str) -> None:
    """The server took each letter once; by body they are a small part of the bytes that whole letters are."""
    way = measured(name, 480)
    assert way.messages == 480
    assert way.seconds > 0
    assert way.cpu_s > 0
    assert (way.bytes / 480 < 25_000) is (name in {"sendgrid_calls", "sendgrid", "sendgrid_two_workers"})


def test_sendgrids_own_client_takes_part() -> None:
    """In a loop, one whole letter per call."""
    pytest.importorskip("sendgrid", reason="sendgrid not installed: it is part of the extra `sdks`")
    assert measured("sendgrid_sdk", 20).bytes / 20 > 30_000


def test_ratios_are_of_what_was_measured() -> None:
    """Rates over rates and bytes over bytes, per message; without the client there is nothing to compare with."""
    ways = {
        "sendgrid_calls": Way(messages=1_000, seconds=0.05, cpu_s=0.05, server_cpu_s=0.02, bytes=900_000),
        "sendgrid": Way(messages=1_000, seconds=0.1, cpu_s=0.05, server_cpu_s=0.02, bytes=900_000),
        "sendgrid_sdk": Way(messages=10, seconds=0.02, cpu_s=0.01, server_cpu_s=0.01, bytes=450_000),
    }
    figures = figures_of(ways)
    assert figures["sendgrid"] == pytest.approx(
        {"messages_per_s": 10_000, "bytes_per_message": 900, "cpu_us_per_message": 50, "server_cpu_us_per_message": 20}
    )
    assert figures["speedup_batched_vs_sdk"] == pytest.approx(40)
    assert figures["speedup_one_worker_vs_sdk"] == pytest.approx(20)
    assert figures["bytes_ratio"] == pytest.approx(50)
    assert "speedup_batched_vs_sdk" not in figures_of({"sendgrid_calls": ways["sendgrid"]})


def test_quick_is_smaller() -> None:
    """The same ways, fewer letters."""
    assert QUICK.keys() == FULL.keys()
    assert all(QUICK[name] < letters for name, letters in FULL.items())
