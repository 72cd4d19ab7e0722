"""Sliding windows over the times of events."""

from collections import Counter, deque
from collections.abc import Hashable, Sequence


def most_distinct(times: Sequence[float], keys: Sequence[Hashable], span: float) -> list[int]:
    """For each event the largest number of distinct keys within any `span` seconds that it is part of.

    `times` ascending. The windows that can be largest end at an event: [t_j − span, t_j]. Linear in the number of events.
    """
    counts, starts = _ending_at(times, keys, span)
    found, candidates, j = [0] * len(times), deque[int](), 0
    for k in range(len(times)):
        while j < len(times) and starts[j] <= k:
            while candidates and counts[candidates[-1]] <= counts[j]:
                candidates.pop()
            candidates.append(j)
            j += 1
        while candidates[0] < k:
            candidates.popleft()
        found[k] = counts[candidates[0]]
    return found


def _ending_at(times: Sequence[float], keys: Sequence[Hashable], span: float) -> tuple[list[int], list[int]]:
    """Per event the distinct keys of the window that ends with it, and where that window begins."""
    inside: Counter[Hashable] = Counter()
    counts, starts, i = [], [], 0
    for j, time in enumerate(times):
        inside[keys[j]] += 1
        while times[i] < time - span:
            inside[keys[i]] -= 1
            if not inside[keys[i]]:
                del inside[keys[i]]
            i += 1
        counts.append(len(inside))
        starts.append(i)
    return counts, starts
