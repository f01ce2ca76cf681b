"""The records of a mirror in memory, by their ids and in their order: a look from either end, or from any id, begins
there and nowhere else."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator

from .interface import Record, parse_id

# Ids of records that are gone may stay until they are this many more than those that are kept.
_SLACK = 64


class RecordsInOrder:
    """Records that come with growing ids. Each call costs the same however many there are, but for the binary search of
    an id.
    """

    __slots__ = ("_first", "_ids", "_records")

    def __init__(self) -> None:
        self._records: dict[str, Record] = {}
        # The ids in order, from `_first` on. Those of records that are gone are passed over, and are at neither end.
        self._ids: list[str] = []
        self._first: int = 0

    def __len__(self) -> int:
        return len(self._records)

    def __getitem__(self, request_id: str) -> Record:
        return self._records[request_id]

    def get(self, request_id: str) -> Record | None:
        return self._records.get(request_id)

    def append(self, request_id: str, record: Record) -> None:
        """Adds a record, whose id is larger than all before it."""
        self._ids.append(request_id)
        self._records[request_id] = record

    def replace(self, request_id: str, record: Record) -> None:
        """Puts a record in the place of the one with this id."""
        self._records[request_id] = record

    @property
    def oldest(self) -> str:
        """The id of the oldest record, "" when there is none."""
        return self._ids[self._first] if self._records else ""

    @property
    def newest(self) -> str:
        """The id of the newest record, "" when there is none."""
        return self._ids[-1] if self._records else ""

    def after(self, request_id: str) -> Iterator[str]:
        """The ids after this one, the oldest first; "": all."""
        start = bisect_right(self._ids, parse_id(request_id), self._first, key=parse_id) if request_id else self._first
        return self._kept(range(start, len(self._ids)))

    def before(self, request_id: str) -> Iterator[str]:
        """The ids before this one, the newest first; "": all."""
        end = len(self._ids)
        if request_id:
            end = bisect_left(self._ids, parse_id(request_id), self._first, key=parse_id)
        return self._kept(range(end - 1, self._first - 1, -1))

    def pop(self, request_id: str) -> Record:
        """Removes a record. Raises KeyError when there is none."""
        records, ids = self._records, self._ids
        record = records.pop(request_id)
        if not records:
            self.clear()
            return record
        while ids[self._first] not in records:
            self._first += 1
        while ids[-1] not in records:
            ids.pop()
        if len(ids) > 2 * len(records) + _SLACK:
            self._ids = list(self._kept(range(self._first, len(ids))))
            self._first = 0
        return record

    def clear(self) -> None:
        self._records.clear()
        self._ids.clear()
        self._first = 0

    def _kept(self, places: Iterable[int]) -> Iterator[str]:
        ids, records = self._ids, self._records
        return (ids[place] for place in places if ids[place] in records)
