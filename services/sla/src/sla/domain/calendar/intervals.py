"""Sorted, disjoint, half-open intervals of whole numbers, and what can be done with them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

Interval = tuple[int, int]


def merged(intervals: Iterable[Interval]) -> list[Interval]:
    """The union, sorted; what touches or overlaps becomes one."""
    result: list[Interval] = []
    for start, end in sorted(intervals):
        if start >= end:
            continue
        if result and start <= result[-1][1]:
            if end > result[-1][1]:
                result[-1] = (result[-1][0], end)
        else:
            result.append((start, end))
    return result


def common(left: Sequence[Interval], right: Sequence[Interval]) -> list[Interval]:
    """The intersection of two sorted, disjoint lists."""
    result: list[Interval] = []
    i = j = 0
    while i < len(left) and j < len(right):
        start, end = max(left[i][0], right[j][0]), min(left[i][1], right[j][1])
        if start < end:
            result.append((start, end))
        if left[i][1] <= right[j][1]:
            i += 1
        else:
            j += 1
    return result


def without(whole: Sequence[Interval], holes: Sequence[Interval]) -> list[Interval]:
    """What is in `whole` and in no hole; both sorted and disjoint."""
    if not holes:
        return list(whole)
    result: list[Interval] = []
    j = 0
    for start, end in whole:
        while j and holes[j - 1][1] > start:
            j -= 1
        while j < len(holes) and holes[j][1] <= start:
            j += 1
        at = start
        while j < len(holes) and holes[j][0] < end:
            if at < holes[j][0]:
                result.append((at, holes[j][0]))
            at = max(at, holes[j][1])
            j += 1
        if at < end:
            result.append((at, end))
    return result
