"""The end of a change: it has one, and only once each of its rows has its own."""

from __future__ import annotations

import pytest

from device_association.bulk_changes.claims import Claim
from device_association.bulk_changes.close import close
from device_association.database.execution import in_transaction
from device_association.domain.errors import ChangeNotRunnable
from local.sample_data import groups
from tests.flow import Flow, request


def test_a_change_with_an_open_row_is_not_closed_and_one_that_has_ended_is_not_closed_again(flow: Flow) -> None:
    claim = flow.open(flow.create(request(groups().plain[:2])).change_id)
    flow.check(claim)
    refuse_to_close(flow, claim)
    assert flow.status(claim.bulk_change_id) == "PROCESSING"
    assert flow.close(claim).status == "ERROR"
    refuse_to_close(flow, claim)


def refuse_to_close(flow: Flow, claim: Claim) -> None:
    with pytest.raises(ChangeNotRunnable, match="has open rows or has ended"):
        in_transaction(
            flow.portal,
            lambda connection: close(
                connection, claim.bulk_change_id, claim.retry_number, actor=claim.actor, now=flow.clock()
            ),
        )
