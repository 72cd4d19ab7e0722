"""`python -m benchmarks` lists, runs and refuses."""

import json
from datetime import UTC, datetime
from importlib import import_module

import pytest

from benchmarks import __main__ as front
from benchmarks.machine import peak_mb, this_machine
from benchmarks.registry import BENCHMARKS, Measured


def test_every_benchmark_has_a_line_and_a_module_that_measures() -> None:
    """What is listed can be run."""
    assert len({one.name for one in BENCHMARKS}) == len(BENCHMARKS)
    for one in BENCHMARKS:
        assert one.line and "\n" not in one.line
        assert callable(import_module(one.module).measure)


def test_without_a_name_they_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    """One line each, the name first."""
    assert front.main([]) == 0
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == [one.name for one in BENCHMARKS]


def test_an_unknown_name_is_refused_with_those_there_are(capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 2, and the names on standard error."""
    assert front.main(["sned"]) == 2
    assert "send" in capsys.readouterr().err


def test_a_result_is_one_json_object_that_says_whether_it_was_quick(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Name, machine, sizes and figures, and `quick` as it was asked for."""
    monkeypatch.setattr("benchmarks.send.measure", lambda *, quick: Measured({"n": 1}, {"per_s": 2.0, "quick": quick}))
    assert front.main(["send", "--quick", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["name"], found["quick"], found["sizes"], found["figures"]) == ("send", True, {"n": 1}, {"per_s": 2.0, "quick": True})
    assert found["machine"]["cores"] >= 1 and found["measured_on"] <= datetime.now(UTC).date().isoformat()


def test_the_machine_and_its_memory_can_be_read() -> None:
    """A process holds some memory, and less than the machine has."""
    assert 1 < peak_mb() < this_machine().memory_mb
