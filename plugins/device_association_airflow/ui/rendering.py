"""Renders the portal's screens: templates that escape everything, assets named by what is in them, and a strict policy."""

from __future__ import annotations

import hashlib
import mimetypes
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from fastapi import Request, Response
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from device_association.bulk_changes.access import PortalUser, Right
from device_association.domain.advice import advice
from device_association_airflow.ui import labels

FOLDER = Path(__file__).parent
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'self'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
}
"""Nothing from elsewhere, no inline script or style, and in no other site's frame; Airflow's own shows the screens."""
ASSETS = {file.name: file.read_bytes() for file in sorted((FOLDER / "assets").iterdir())}
VERSION = hashlib.sha256(b"".join(ASSETS.values())).hexdigest()[:12]
"""Changes with any asset, so that a browser may keep what it has for good."""


def render(request: Request, template: str, *, status: int = 200, **values: Any) -> HTMLResponse:
    """Return a page; its addresses begin where the app is mounted, whatever Airflow's own address begins with."""
    ui = request.scope.get("root_path", "")
    api = ui.removesuffix("/ui")
    roots = {"ui": ui, "api": api, "airflow": api.removesuffix("/M2M"), "version": VERSION}
    text = TEMPLATES.get_template(template).render(**roots, **values)
    return HTMLResponse(text, status_code=status, headers=HEADERS | {"Cache-Control": "no-store"})


def render_page(request: Request, template: str, caller: PortalUser, here: str, **values: Any) -> Response:
    """Return a page for its caller; `here` is its place in the navigation."""
    rights = {"may_create": caller.may(Right.CREATE), "may_edit": caller.may(Right.EDIT)}
    return render(request, template, caller=caller, here=here, zone=caller.time_zone or "UTC", **rights, **values)


def asset(name: str) -> Response | None:
    """Return a file of the screens; None where there is none of that name."""
    if name not in ASSETS:
        return None
    kind = mimetypes.guess_type(name)[0] or "application/octet-stream"
    kept = {"Cache-Control": "private, max-age=31536000, immutable"}
    return Response(ASSETS[name], media_type=kind, headers=HEADERS | kept)


def in_zone(moment: datetime, zone: str | None) -> str:
    """Return an instant as a person of that zone reads it."""
    local = moment.astimezone(ZoneInfo(zone or "UTC"))
    return f"{local.day} {local:%b %Y, %H:%M %Z}"


def _environment() -> Environment:
    found = Environment(
        loader=FileSystemLoader(FOLDER / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    words = {name: getattr(labels, name) for name in ("age", "duration", "number", "segments")}
    found.filters |= words | {"in_zone": in_zone, "advice": advice}
    found.globals |= {
        name: getattr(labels, name) for name in ("CHANGE_WORDS", "ROW_WORDS", "FIELD_WORDS", "FINDING_WORDS")
    }
    return found


TEMPLATES = _environment()
