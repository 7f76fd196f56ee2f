"""What strikes do to the portal's tables is what other programs could do."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from chaos.actors.strikes import Strikes
from local.sample_data import groups
from tests.flow import Flow, request


class Noted:
    def __init__(self) -> None:
        self.events: list[tuple[str, str]] = []

    def note(self, what: str, kind: str, **_more: Any) -> None:
        self.events.append((what, kind))


def test_the_old_worker_takes_a_change_that_nobody_has_begun_and_ends_it(flow: Flow) -> None:
    change_id = flow.create(request(groups().plain[:2])).change_id
    history, site = Noted(), SimpleNamespace(engine=flow.portal, stack=None)
    Strikes(site, None, history).work_beside({"n": 1, "seconds": 0.0})  # type: ignore[arg-type]
    assert history.events == [("taken", "change")]
    assert (flow.status(change_id), flow.codes(change_id)) == ("ERROR", dict.fromkeys(groups().plain[:2], "ERROR"))
