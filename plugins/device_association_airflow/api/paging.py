"""Answers of many rows: a page of them, or all as a file."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from fastapi.responses import StreamingResponse

from device_association.portal.field_names import all_to_api


def page(name: str, found: Sequence[Any], limit: int, key: str) -> dict[str, Any]:
    """Return a page's answer; `Next` is null where it was the last one."""
    following = getattr(found[-1], key) if len(found) == limit else None
    return {"Success": True, name: all_to_api(found), "Next": following}


def csv_file(name: str, lines: Iterator[str]) -> StreamingResponse:
    """Return lines as a file that is downloaded under this name."""
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "X-Content-Type-Options": "nosniff"}
    return StreamingResponse(lines, media_type="text/csv; charset=utf-8", headers=headers)
