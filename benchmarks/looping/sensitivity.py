"""How what is recovered depends on the world and on the settings: `python -m benchmarks.looping.sensitivity [NAME …]`.

Years of 20 weeks with one thing changed each, beside the same weeks of the benchmark itself. Prints a table as it goes.
"""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace

from benchmarks.loop import FULL, POLICY, recovered
from benchmarks.looping.year import Plan, year

WEEKS, RECIPIENTS = 20, 6_000
_BASE = replace(FULL, weeks=WEEKS, recipients=RECIPIENTS)

PLANS: Mapping[str, Plan] = {
    "as it is": _BASE,
    "twice the recipients": replace(_BASE, recipients=2 * RECIPIENTS),
    "half the recipients": replace(_BASE, recipients=RECIPIENTS // 2),
    "half the site events": replace(_BASE, site_events=0.5),
    "no site events": replace(_BASE, site_events=0.0),
    "temperature chosen, 5 % effective": replace(_BASE, policy=replace(POLICY, temperature=None, effective_sample=0.05)),
    "temperature chosen, 30 % effective": replace(_BASE, policy=replace(POLICY, temperature=None, effective_sample=0.3)),
    "another seed": replace(_BASE, seed=2),
}


def main(names: Sequence[str]) -> None:
    """Run the plans of these names, or all."""
    for name in names or PLANS:
        weeks = list(year(PLANS[name]))
        shares = [f"{recovered(part, 'weekly'):.3f}" for part in (weeks, weeks[WEEKS // 2 :])]
        others = [f"{recovered(weeks, other):.3f}" for other in ("never_retrained", "popularity")]
        print(" | ".join([name, *shares, *others]), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
