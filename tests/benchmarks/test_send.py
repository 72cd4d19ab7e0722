"""The benchmark `send` measures a real send that is accounted for."""

import json
import sys
from collections.abc import Iterator, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from benchmarks.own_process import FailedMeasurementError, run_module
from benchmarks.send import Plan, Whole, figures_of, measured
from runtime.house import shared_house

ALONE = {part: {"letterpress": 50.0, "floor": 100.0} for part in ("renders", "folder", "smtp")}


def test_growth_is_seconds_per_letter_of_the_largest_over_the_smallest() -> None:
    """Twice the seconds for twice the letters is linear; the rates come from the largest size."""
    small = Whole({"decide": 1.0, "hand off": 1.0}, cpu_s=1.0, handed_off=10, decisions=60, peak_mb=100.0)
    large = Whole({"decide": 4.0, "hand off": 2.0}, cpu_s=3.0, handed_off=20, decisions=120, peak_mb=110.0)
    figures = figures_of({10: small, 20: large}, ALONE)
    assert figures["seconds"] == {"10": 2.0, "20": 6.0}
    assert figures["growth"] == pytest.approx(1.5)
    assert (figures["decisions_per_s"], figures["peak_mb"]) == (30.0, 110.0)
    assert figures["handoffs_per_s"] == {"folder": 50.0, "smtp": 50.0} and figures["of_floor"] == dict.fromkeys(ALONE, 0.5)


def test_a_process_that_fails_tells_its_end() -> None:
    """A measurement without figures is an error, with what the process said last."""
    with pytest.raises(FailedMeasurementError, match="No module named"):
        run_module("benchmarks.nothing", settings={})


@pytest.fixture
def in_this_process(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[None]:
    """Lets the benchmark's processes run here, where everything is imported already: the same programs, arguments and settings."""

    def run(module: str, *arguments: object, settings: Mapping[str, str]) -> dict[str, Any]:
        shared_house.cache_clear()
        for name, value in settings.items():
            monkeypatch.setenv(f"LETTERPRESS_{name}", value)
        monkeypatch.setattr(sys, "argv", [module, *map(str, arguments)])
        import_module(module).main()
        found: dict[str, Any] = json.loads(capsys.readouterr().out)
        return found

    monkeypatch.setattr("benchmarks.send.run_module", run)
    yield
    shared_house.cache_clear()


@pytest.mark.journey
@pytest.mark.usefixtures("in_this_process")
def test_a_small_send_is_measured_from_shop_to_relay(tmp_path: Path) -> None:
    """Simulated, imported, sent into a folder and to a relay; every figure of the issue is there, and above zero."""
    found = measured(Plan((60,), 30, 1, 10, 5, trained=False), tmp_path)
    figures = found.figures
    assert {"decisions_per_s", "renders_per_s", "handoffs_per_s", "peak_mb", "seconds"} <= set(figures)
    assert figures["growth"] == 1.0 and figures["handoffs_per_s"]["smtp"] > 0  # type: ignore[index,operator]
    assert found.sizes["past_decisions"]["60"] > 0  # type: ignore[index,operator]
