"""The task of one slice: what it meets before its change's deadline is tried again, after that it has failed for good."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowFailException

from device_association.domain.errors import DatabaseUnavailable, RevioRetryable
from device_association.service_lines import create as line_creation
from device_association_airflow.tasks import association
from local.sample_data import groups
from tests.flow import Flow, request

pytestmark = pytest.mark.airflow
SIM = groups().plain[0]


@pytest.mark.parametrize(
    ("is_late", "met", "raised"),
    [
        (False, RevioRetryable("Rev.io could not be reached"), RevioRetryable),
        (True, RevioRetryable("Rev.io could not be reached"), AirflowFailException),
        (False, KeyError("a mistake of ours"), KeyError),
        (True, KeyError("a mistake of ours"), AirflowFailException),
        (True, DatabaseUnavailable("down"), DatabaseUnavailable),
    ],
)
def test_a_slice_is_not_tried_again_after_its_change_s_deadline(
    flow: Flow, monkeypatch: pytest.MonkeyPatch, is_late: bool, met: Exception, raised: type[Exception]
) -> None:
    claim = flow.open(flow.create(request([SIM])).change_id)
    flow.check(claim)
    (number,) = flow.plan(claim)
    flow.clock.pass_seconds(3 * 3600 if is_late else 60)
    tried: list[bool] = []

    def create(_desk: Any, _number: int, *, last_try: bool) -> None:
        tried.append(last_try)
        raise met

    monkeypatch.setattr(line_creation, "create_rev_services", create)
    monkeypatch.setattr(association, "current_claim", lambda: claim)
    monkeypatch.setattr(association, "get_current_context", dict)
    given = {"portal": lambda: flow.portal, "settings": lambda: flow.settings, "clock": flow.clock}
    unused = {"revio_clients": lambda _: None, "call_budget": lambda *_: None}
    monkeypatch.setattr(association, "connections", SimpleNamespace(**given, **unused))
    with pytest.raises(raised):
        association.create_rev_service.function(number)
    assert tried == [is_late]
