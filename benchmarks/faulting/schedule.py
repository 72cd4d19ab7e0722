"""What runs by itself every few minutes, now: the flow that reconciles sends in doubt. `python -m benchmarks.faulting.schedule`"""

from flows.reconcile_sends import reconcile_sends


def main() -> None:
    """Run it once."""
    reconcile_sends()


if __name__ == "__main__":
    main()
