"""The three result files of a change, written while they are read; no cell of them runs in a spreadsheet."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator
from enum import StrEnum

from sqlalchemy import Engine

from device_association.domain.codes import DeviceChangeStatus
from device_association.portal.changes import device_rows

ROWS_AT_ONCE = 5000
HEADER = ("ICCID", "MSISDN", "Status", "Code", "Message", "ProcessedDate")
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
"""What makes a spreadsheet take a cell for a formula; blanks before it do not help. Source: OWASP, 'CSV Injection'."""


class Results(StrEnum):
    """The result sets that a change is downloaded in."""

    SUCCEEDED = "succeeded"
    FAILED = "failed"
    NOT_ATTEMPTED = "not-attempted"


STATES = {
    Results.SUCCEEDED: (DeviceChangeStatus.PROCESSED,),
    Results.FAILED: (DeviceChangeStatus.ERROR, DeviceChangeStatus.API_FAILED),
    Results.NOT_ATTEMPTED: (DeviceChangeStatus.CANCELED,),
}


def result_lines(engine: Engine, bulk_change_id: int, results: Results) -> Iterator[str]:
    """Yield a result file in parts; no connection is held between them, so that a slow reader holds up nobody."""
    yield csv_lines([HEADER])
    for state in STATES[results]:
        after = 0
        while True:
            with engine.connect() as connection:
                page = device_rows(connection, bulk_change_id, status=state, code=None, after=after, limit=ROWS_AT_ONCE)
            if page:
                yield csv_lines(
                    (one.iccid, one.msisdn, one.status, one.code, one.message, one.processed_date) for one in page
                )
            if len(page) < ROWS_AT_ONCE:
                break
            after = page[-1].row_id


def defused(cell: object) -> str:
    """Return a cell as text that a spreadsheet shows and does not run."""
    text = "" if cell is None else str(cell)
    return f"'{text}" if text.lstrip(" \u00a0").startswith(FORMULA_STARTS) else text


def csv_lines(rows: Iterable[tuple[object, ...]]) -> str:
    """Return rows as lines of a file in which no cell runs."""
    written = io.StringIO()
    csv.writer(written).writerows([defused(cell) for cell in one] for one in rows)
    return written.getvalue()
