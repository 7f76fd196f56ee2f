"""How one sees that a part of a stack is ready."""

from __future__ import annotations

import json
import urllib.error
from datetime import datetime
from http.client import HTTPException

from local.stack.airflow.api import DIRECT
from local.stack.processes import Running
from local.stack.settings import LocalSettings

PATIENCE_SECONDS = 10.0
"""How long one question whether a part is ready may take."""


def answers(url: str) -> bool:
    """Return whether a web server answers there, whatever it says short of an error of its own."""
    try:
        with DIRECT.open(url, timeout=PATIENCE_SECONDS):
            return True
    except urllib.error.HTTPError as answer:
        with answer:
            return answer.code < 500
    except (OSError, HTTPException):
        return False


def has_succeeded(running: Running) -> bool:
    """Return whether a step has ended well."""
    return running.exit_code() == 0


def heart_beats(settings: LocalSettings, component: str, running: Running) -> bool:
    """Return whether Airflow has heard from the component since this process was started."""
    try:
        with DIRECT.open(f"{settings.airflow_url}/api/v2/monitor/health", timeout=PATIENCE_SECONDS) as answer:
            heard = json.load(answer)[component][f"latest_{component}_heartbeat"]
    except (OSError, HTTPException):
        return False
    return bool(heard) and datetime.fromisoformat(heard).timestamp() > running.started
