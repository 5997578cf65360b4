"""Sets of points over named dimensions of few values each, as boxes: which values of each."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import islice, product

MOST_BOXES = 4000
"""Of one set. A file that needs more is not decided, so that its check takes no minutes."""

Box = Mapping[str, frozenset[int]]
"""By dimension the numbers of the values that are in it; a dimension not named is whole. No value
set is empty."""


class TooManyBoxes(Exception):
    """The set has more parts than are worth the time."""


class Work:
    """How much may still be done for one file, in boxes that are looked at."""

    def __init__(self, most: int) -> None:
        self._left = most

    def spend(self, boxes: int) -> None:
        """Count work done. Raises TooManyBoxes when it is more than was given."""
        self._left -= boxes
        if self._left < 0:
            raise TooManyBoxes


def common(one: Box, other: Box) -> Box | None:
    """What is in both; None when nothing is."""
    found = dict(one)
    for name, values in other.items():
        both = found[name] & values if name in found else values
        if not both:
            return None
        found[name] = both
    return found


def without(boxes: Iterable[Box], cut: Box, sizes: Mapping[str, int]) -> list[Box]:
    """What is in `boxes` and not in `cut`, in disjoint parts for each. Raises TooManyBoxes."""
    found: list[Box] = []
    for box in boxes:
        if common(box, cut) is None:
            found.append(box)
        else:
            found += _parts(box, cut, sizes)
        if len(found) > MOST_BOXES:
            raise TooManyBoxes
    return found


def _parts(box: Box, cut: Box, sizes: Mapping[str, int]) -> Iterator[Box]:
    """The parts of a box that a cut through it leaves."""
    inside = dict(box)
    for name, values in cut.items():
        whole = inside.get(name, frozenset(range(sizes[name])))
        if outside := whole - values:
            yield {**inside, name: outside}
        inside[name] = whole & values


def points(
    box: Box, names: Iterable[str], sizes: Mapping[str, int], most: int
) -> list[dict[str, int]] | None:
    """The points of a box in these dimensions; None when there are more than `most`."""
    listed = [name for name in names if name in sizes]
    ranges = [sorted(box.get(name, range(sizes[name]))) for name in listed]
    found = [dict(zip(listed, each, strict=True)) for each in islice(product(*ranges), most + 1)]
    return None if len(found) > most else found
