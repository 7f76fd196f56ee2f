"""What an address of a screen asks for, and the addresses of the pages before and after."""

from __future__ import annotations

from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import Depends, Request

PAGE = 50
"""Rows of a page."""


def filled(request: Request) -> dict[str, str]:
    """Return the parameters of an address without those that a form left empty."""
    return {name: value for name, value in request.query_params.items() if value.strip()}


FilledDep = Annotated[dict[str, str], Depends(filled)]


def pages_of(sent: dict[str, str], cursor: str, found: Any, key: str, limit: int = PAGE) -> dict[str, str | None]:
    """Return the queries of the first page and of the next; None for the one that this is, or that is not there."""
    first = urlencode({name: value for name, value in sent.items() if name != cursor})
    following = urlencode(sent | {cursor: str(getattr(found[-1], key))}) if len(found) == limit else None
    return {"first": f"?{first}" if cursor in sent else None, "following": f"?{following}" if following else None}
