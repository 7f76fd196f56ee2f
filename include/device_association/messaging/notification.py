"""Sends the notification that the 2.0 system gets for each ended change. Source: the domain contract, section 7."""

from __future__ import annotations

from dataclasses import dataclass

import requests

TIMEOUT_SECONDS = (5, 15)


@dataclass(frozen=True, slots=True, repr=False)
class AmopClient:
    """Where the 2.0 system listens, and the token or the login that it wants."""

    url: str
    token: str | None = None
    login: str | None = None
    password: str | None = None

    def send(self, payload: dict[str, object]) -> None:
        """POST one notification; raises requests.RequestException when it was not taken."""
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        auth = (self.login, self.password or "") if self.login and not self.token else None
        answer = requests.post(self.url, json=payload, headers=headers, auth=auth, timeout=TIMEOUT_SECONDS)
        answer.raise_for_status()
