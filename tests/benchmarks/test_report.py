"""Results as JSON and as a table in a document."""

from datetime import date

from benchmarks.machine import Machine
from benchmarks.report import Result, as_table, written_into

RESULT = Result(
    name="send",
    quick=False,
    machine=Machine("Linux x86_64", "A processor", 2, 4_096, "3.11.7", 0.5),
    measured_on=date(2026, 11, 23),
    took_s=12.3,
    sizes={"workers": 2},
    figures={"decisions_per_s": 12_345.6, "handoffs_per_s": {"folder": 0.51234}, "model": None},
)


def test_a_table_has_a_row_per_figure() -> None:
    """Figures within figures are named by their path; large numbers are whole, small ones have three digits."""
    rows = as_table(RESULT).splitlines()
    assert "| size: workers | 2 |" in rows
    assert "| decisions_per_s | 12,346 |" in rows
    assert "| handoffs_per_s · folder | 0.512 |" in rows


def test_only_what_is_between_the_marks_is_replaced() -> None:
    """The words around a table, and other tables, stay as they are; writing twice is writing once."""
    before = "# Benchmarks\n\nWords.\n\n<!-- begin send -->\nstale\n<!-- end send -->\n\nMore words.\n"
    after = written_into(before, RESULT)
    assert after.startswith("# Benchmarks\n\nWords.\n\n<!-- begin send -->\n2026-11-23") and after.endswith(
        "<!-- end send -->\n\nMore words.\n"
    )
    assert "stale" not in after and written_into(after, RESULT) == after


def test_a_new_benchmark_gets_a_section_of_its_own() -> None:
    """Without marks the table comes at the end."""
    assert "\n\n## send\n\n<!-- begin send -->\n" in written_into("# Benchmarks\n", RESULT)
