"""Who may do what: every route of the API times every kind of caller. A route without a row here fails."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from fastapi.routing import APIRoute
from sqlalchemy import Engine, text
from starlette.routing import Mount

from device_association.portal.progress import ProgressCache
from device_association.requests.approvals import ask_for_approval
from device_association.revio.lines import Line
from device_association_airflow.api.routes import events
from device_association_airflow.api.routes.events import Streams
from device_association_airflow.ui.app import lead_to_screens, pages_app, portal_app
from local.sample_data import groups, world
from tests.flow import Flow, request
from tests.portal_client import Portal

CALLERS = {
    "anonymous": None,
    "signed in but no portal user": "nobody",
    "no M2M access": "nora.none",
    "view only": "vic.viewer",
    "create": "carl.clerk",
    "another tenant": "olga.other",
    "edit": "dora.ops",
}
DENIED = (401, 403, 403)
READ_ANY, READ_ONE = (*DENIED, 200, 200, 200, 200), (*DENIED, 200, 200, 404, 200)
CREATE, EDIT = (*DENIED, 403, 200, 404, 200), (*DENIED, 403, 403, 404, 200)
EDIT_ANY = (*DENIED, 403, 403, 200, 200)
READ_UNLIMITED = (*DENIED, 200, 403, 200, 200)
"""What each caller is answered, in the order of CALLERS; who may create is limited to one customer."""
MATRIX = {
    "GET /openapi.json": READ_ANY,
    "POST /AssociateCustomer": CREATE,
    "POST /AssociateCustomer/preview": CREATE,
    "GET /BulkChanges": READ_ANY,
    "GET /BulkChanges/{change_id}": READ_ONE,
    "GET /BulkChanges/{change_id}/devices": READ_ONE,
    "GET /BulkChanges/{change_id}/log": READ_ONE,
    "GET /BulkChanges/{change_id}/results/{results}.csv": READ_ONE,
    "GET /BulkChanges/{change_id}/events": READ_ONE,
    "POST /BulkChanges/{change_id}/cancel": EDIT,
    "POST /BulkChanges/{change_id}/retry": EDIT,
    "POST /BulkChanges/{change_id}/lines": EDIT,
    "POST /BulkChanges/{change_id}/revert": EDIT,
    "POST /BulkChanges/{change_id}/revert/preview": EDIT,
    "POST /BulkChanges/{change_id}/approve": EDIT,
    "POST /BulkChanges/{change_id}/refuse": EDIT,
    "GET /ApprovalRule": READ_ANY,
    "POST /ApprovalRule": (*DENIED, 403, 403, 200, 200),
    "GET /Devices": READ_ANY,
    "GET /Devices/{iccid}/history": READ_ONE,
    "GET /Customers": READ_ANY,
    "GET /ServiceProviders": READ_ANY,
    "GET /CarrierRatePlans": READ_ANY,
    "GET /CustomerRatePlans": READ_ANY,
    "GET /CustomerRatePools": READ_ANY,
    "GET /ServiceTypes": READ_ANY,
    "GET /Providers": READ_ANY,
    "GET /UsagePlanGroups": READ_ANY,
    "GET /Packages": READ_ANY,
    "GET /Products": READ_ANY,
    "GET /Findings": READ_UNLIMITED,
    "GET /Findings.csv": READ_UNLIMITED,
    "GET /DeadLetters": EDIT_ANY,
}
PLAIN = groups().plain
TABLES = [
    ("dbo", "devicebulkchange"),
    ("dbo", "m2m_devicechange"),
    ("device_association", "change_stop"),
    ("device_association", "named_line"),
]


def routes() -> Iterator[str]:
    """Yield every method and path that the API serves; the screens have rows of their own, in `ui/test_app`."""
    for route in portal_app.routes:
        if isinstance(route, Mount) and route.app is pages_app:
            continue
        if getattr(route, "endpoint", None) is lead_to_screens:
            continue  # it leads everybody to the list, which asks who they are
        assert isinstance(route, APIRoute), f"{route} has no place in the matrix"
        for method in route.methods:
            yield f"{method} {route.path}"


@pytest.fixture
def world_of_callers(portal: Engine) -> None:
    """Add the caller whom the sample world lacks: a portal user without access to M2M."""
    with portal.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO dbo.PortalUser (UserName, TenantId, CreatedBy, CreatedDate, IsActive, IsDeleted)"
                " SELECT 'nora.none', u.TenantId, 'test', u.CreatedDate, 1, 0"
                " FROM dbo.PortalUser AS u WHERE u.UserName = 'dora.ops'"
            )
        )
        connection.execute(
            text(
                "INSERT INTO dbo.PortalUserPermission"
                " (UserId, Module, CanAccess, CanCreate, CanEdit, CreatedBy, CreatedDate, IsActive, IsDeleted)"
                " SELECT u.id, 'M2M', 0, 1, 1, 'test', u.CreatedDate, 1, 0"
                " FROM dbo.PortalUser AS u WHERE u.UserName = 'nora.none'"
            )
        )


def test_every_route_has_its_row_and_every_row_its_route() -> None:
    served = list(routes())
    assert sorted(served) == sorted(MATRIX)
    assert len(served) * len(CALLERS) == 33 * 7


@pytest.mark.usefixtures("world_of_callers")
@pytest.mark.parametrize("route", MATRIX)
def test_each_caller_gets_what_the_matrix_says_and_who_is_denied_leaves_no_trace(
    api: Portal, flow: Flow, route: str
) -> None:
    events._limiter.cache_clear()  # noqa: SLF001 -- it belongs to the event loop of the test before
    streams = Streams(ProgressCache(api.engine, good_for=0), seconds_per_look=0)
    portal_app.dependency_overrides[events.open_streams] = lambda: streams
    method, path = route.split()
    flow.rev.kept = [Line(number, int(world.ACME), None, PLAIN[1], flow.clock(), None) for number in (51, 52)]
    change_id = flow.run(request([PLAIN[0], groups().archived[0]])).bulk_change_id
    if path.endswith(("cancel", "approve", "refuse")):
        change_id = flow.create(request(PLAIN[1:2])).change_id
    if path.endswith("lines"):
        change_id = flow.run(request([PLAIN[1]])).bulk_change_id
    if path.endswith(("approve", "refuse")):
        with flow.portal.begin() as connection:
            ask_for_approval(connection, change_id, "the matrix", actor="carl.clerk", now=flow.clock())
    address = path.format(change_id=change_id, iccid=PLAIN[0], results="failed")
    for place, ((kind, user), expected) in enumerate(zip(CALLERS.items(), MATRIX[route], strict=True)):
        before = [flow.all(*table) for table in TABLES]
        body = {"json": body_of(path, place)} if method == "POST" else {}
        answer = api.ask(method, address, user, **body)
        assert answer.status_code == expected, (kind, answer.text)
        if expected != 200:
            assert set(answer.json()) == {"Success", "Message", "Errors"}, kind
            assert [flow.all(*table) for table in TABLES] == before, kind


def body_of(path: str, place: int) -> dict[str, Any]:
    """Return a body that is right, with devices of its own for each caller."""
    if path.endswith("Rule"):
        return {"MostDevices": 10}
    if path.endswith("lines"):
        return {"ICCID": PLAIN[1], "RevServiceId": 51, "Reason": "the matrix"}
    return request([PLAIN[100 + place]]) if "Associate" in path else {"Reason": "the matrix"}
