"""Lists of lines: which line is the newest, and whether two passes agree. Source: the Rev.io contract, 'Duplicates'."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from device_association.revio.lines import Line

CLOCKS_DIFFER = timedelta(minutes=10)
"""How far Rev.io's clock, which dates the lines, may be behind ours, and how far out of order it may date them."""
MAX_AHEAD = timedelta(days=1)
"""How far after the moment of a look the date of a line may be: the account's zone may not be the one that is set."""


@dataclass(frozen=True, slots=True)
class Listing:
    """What a list of lines showed. `is_stable`: it did not shift while it was read, so that what it lacks is not there."""

    lines: tuple[Line, ...]
    is_stable: bool = True

    def __iter__(self) -> Iterator[Line]:
        return iter(self.lines)


def is_dated(line: Line, looked: datetime) -> bool:
    """Whether a line that was shown by a moment has a date of creation that can be true."""
    return line.created is not None and line.created <= looked + MAX_AHEAD


def newest_of(lines: Iterable[Line], looked: datetime) -> Line | None:
    """Return the line that was created last, by Rev.io's own clock, of those that were shown by a moment.

    A date that cannot be true counts as none: all that is created until then would seem to be older.
    """
    dated = [line for line in lines if line.service_id is not None and is_dated(line, looked)]
    return max(dated, key=lambda line: (line.created, line.service_id), default=None)


def dated_since(newest: datetime, looked: datetime) -> datetime:
    """Return from when on Rev.io dates what it creates after a moment; `newest` is its newest date of that time.

    A newest date well after the moment is not its clock's, which may be behind ours.
    """
    return looked - CLOCKS_DIFFER if newest > looked + CLOCKS_DIFFER else min(newest, looked)


def agree(before: Mapping[str, Line], after: Mapping[str, Line], looked: datetime) -> bool:
    """Whether two passes of a list show the same lines, apart from those that were created since the first of them began.

    `looked` is when that was. A line whose date cannot be true may have slipped through the first pass.
    """
    if before.keys() - after.keys():
        return False
    came = [line for key, line in after.items() if key not in before]
    newest = newest_of(before.values(), looked)
    if newest is None or newest.created is None:
        return not came
    since = dated_since(newest.created, looked) - CLOCKS_DIFFER
    return all(line.created and since <= line.created and is_dated(line, looked) for line in came)
