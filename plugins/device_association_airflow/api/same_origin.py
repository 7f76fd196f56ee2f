"""Tells whether a state-changing request that carries the cookie came from a page of ours.

A bearer token needs no such proof: no other site's page can make a browser send it.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from fastapi import Request

from device_association.domain.codes import RequestCode
from device_association.domain.errors import Refusal, RequestRefused

READING = frozenset({"GET", "HEAD", "OPTIONS"})


def require_same_origin(request: Request) -> None:
    """Raise RequestRefused unless the request reads only, shows a token, or was sent by a page of this very origin."""
    if request.method in READING or request.headers.get("authorization", "").lower().startswith("bearer "):
        return
    if not _is_same_origin(request):
        raise RequestRefused(
            [
                Refusal(
                    RequestCode.CROSS_SITE_REQUEST,
                    "Origin",
                    "a request with the cookie must come from the portal's own pages; a program sends a bearer token",
                )
            ]
        )


def _is_same_origin(request: Request) -> bool:
    """Whether the browser says so; Sec-Fetch-Site is its own word, Origin is compared with the host that was asked."""
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        return site == "same-origin"
    return urlsplit(request.headers.get("origin", "")).netloc == request.headers.get("host", "/")
