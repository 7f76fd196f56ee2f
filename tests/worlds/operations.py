"""Changes that are there already: of another program, of ours, and of the portal with payloads of its own."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import strategies as st

from tests.flow import NOW
from tests.worlds.requests import requests
from tests.worlds.values import (
    AMOUNTS,
    CHILD,
    EARLIER,
    MOMENTS,
    NAMES,
    OTHER_PROGRAMS,
    PARENT,
    PORTALS,
    Row,
    Tables,
    dates,
    mostly,
)


def other_operations(draw: st.DrawFn, tables: Tables) -> Tables:
    changes = [
        _change(OTHER_PROGRAMS, 1, draw(mostly("PROCESSING", "NEW", "PROCESSED")), draw(mostly(PARENT, CHILD))),
        _change(EARLIER, 4, "PROCESSING", draw(mostly(PARENT, CHILD))),
    ]
    devices = {device["id"]: device for device in tables["dbo.Device"]}
    places = st.lists(st.sampled_from(sorted(devices)), max_size=3, unique_by=lambda key: devices[key]["ICCID"])
    theirs, ours = draw(places.filter(bool)), draw(places)
    held = [_device_change(place, OTHER_PROGRAMS, devices[key]) for place, key in enumerate(theirs, 1)]
    held += [_device_change(place, EARLIER, devices[key]) for place, key in enumerate(ours, 11)]
    holds = [
        {
            "TenantId": changes[1]["TenantId"],
            "DeviceId": row["DeviceId"],
            "BulkChangeId": EARLIER,
            "M2MDeviceChangeId": row["id"],
            "CreatedDate": NOW,
        }
        for row in held
        if row["BulkChangeId"] == EARLIER and draw(mostly(True, False))
    ]
    state = {
        "BulkChangeId": EARLIER,
        "RetryNumber": 1,
        "ClaimRunId": "other run",
        "ClaimedDate": NOW,
        "RunKey": None,
        "Actor": "ana",
        "CreatedDate": NOW,
    }
    return {
        "dbo.DeviceBulkChange": changes,
        "dbo.DeviceChangeRequest": [],
        "dbo.M2M_DeviceChange": held,
        "device_association.change_state": [state],
        "device_association.device_lock": holds,
        "device_association.line_intent": _intents(draw, tables, held),
    }


def _change(change_id: int, kind: int, status: str, tenant: int) -> Row:
    return {
        "id": change_id,
        "ChangeRequestTypeId": kind,
        "ServiceProviderId": 1,
        "TenantId": tenant,
        "Status": status,
        "ProcessedDate": NOW if status == "PROCESSED" else None,
        "CreatedBy": "portal 😀",
    }


def _device_change(row_id: int, change_id: int, device: Row, status: str = "PROCESSING") -> Row:
    return {
        "id": row_id,
        "BulkChangeId": change_id,
        "DeviceChangeRequestId": None,
        "DeviceId": device["id"],
        "ICCID": device["ICCID"],
        "MSISDN": device["MSISDN"],
        "Status": status,
        "IsProcessed": int(status not in {"NEW", "PROCESSING"}),
        "HasErrors": int(status in {"ERROR", "API_FAILED"}),
        "IsDeleted": 0,
    }


def _intents(draw: st.DrawFn, tables: Tables, held: list[Row]) -> list[Row]:
    intents: list[Row] = []
    for row in held:
        state = draw(mostly(None, "PLANNED", "CALLING", "UNKNOWN", "REJECTED"))
        if row["BulkChangeId"] == EARLIER and state:
            intents.append(
                {
                    "id": len(intents) + 1,
                    "IntegrationAuthenticationId": draw(mostly(1, 2, 3)),
                    "ICCID": row["ICCID"],
                    "MSISDN": row["MSISDN"],
                    "DeviceId": row["DeviceId"],
                    "BulkChangeId": EARLIER,
                    "M2MDeviceChangeId": row["id"],
                    "RevCustomerId": draw(st.sampled_from([one["id"] for one in tables["dbo.RevCustomer"]])),
                    "State": state,
                    "LeaseUntil": draw(MOMENTS) if state == "CALLING" else None,
                    "UnknownSince": draw(MOMENTS) if state == "UNKNOWN" else None,
                    "CreatedDate": NOW,
                    "ModifiedDate": NOW,
                }
            )
    return intents


def waiting_plans(draw: st.DrawFn, tables: Tables) -> Tables:
    """Plans that the portal queued for a date, with and without a bulk change, some of them done or of another portal."""
    devices = st.sampled_from([device["id"] for device in tables["dbo.Device"][:3]])
    return {
        "dbo.Device_CustomerRatePlanOrRatePool_Queue": [
            {
                "id": number,
                "DeviceId": draw(devices),
                "CustomerRatePlanId": draw(mostly(1, 2, None, 99)),
                "CustomerRatePoolId": draw(mostly(None, 1)),
                "CustomerDataAllocationMB": draw(AMOUNTS),
                "EffectiveDate": draw(MOMENTS),
                "PortalType": draw(mostly(0, 2)),
                "TenantId": draw(mostly(PARENT, CHILD)),
                "BulkChangeId": draw(mostly(None, OTHER_PROGRAMS, EARLIER)),
                "ProcessedDate": draw(st.sampled_from([None] * 7 + [NOW])),
                "CreatedBy": draw(NAMES),
                "IsDeleted": draw(mostly(0, 1)),
            }
            for number in range(1, draw(st.integers(1, 7)))
        ]
    }


def portals_change(draw: st.DrawFn, tables: Tables) -> None:
    """Add a change that the portal wrote itself: rows whose payloads say what is asked, some of them broken."""
    devices = tables["dbo.Device"]
    chosen = draw(st.lists(st.sampled_from(devices), max_size=5, unique_by=lambda device: device["ICCID"]))
    if not chosen:
        return
    tables["dbo.DeviceBulkChange"].append(_change(PORTALS, 4, "NEW", draw(mostly(PARENT, CHILD))))
    asked = draw(_payloads(tables))
    for place, device in enumerate(chosen, 21):
        payload = asked | {"ICCID": device["ICCID"], "Number": device["MSISDN"], "EffectiveDate": draw(dates())}
        text = draw(st.one_of(*[st.just(payload)] * 5, _broken(payload)).map(_as_text))
        tables["dbo.DeviceChangeRequest"].append({"id": place, "ChangeRequest": text})
        row = _device_change(place, PORTALS, device, draw(mostly("NEW", "PROCESSED", "CANCELED")))
        row["DeviceChangeRequestId"] = draw(st.sampled_from([place] * 15 + [None]))
        row["DeviceId"] = draw(mostly(row["DeviceId"], None, devices[0]["id"]))
        row["IsDeleted"] = draw(mostly(0, 1))
        tables["dbo.M2M_DeviceChange"].append(row)


def _as_text(payload: Row | str) -> str:
    return payload if isinstance(payload, str) else json.dumps(payload, default=str, ensure_ascii=len(payload) % 2 == 0)


@st.composite
def _payloads(draw: st.DrawFn, tables: Tables) -> Row:
    sent = draw(requests(tables))
    names = ("Devices", "ServiceProviderId", "Reason", "RevCustomerId", "ActivatedDate")
    kept = {name: value for name, value in sent.items() if name not in names}
    customer = draw(st.sampled_from([one["id"] for one in tables["dbo.RevCustomer"]]))
    return kept | {"RevCustomerId": str(customer), "DeviceId": None, "ActivatedDate": draw(dates()), "Extra": None}


def _broken(payload: Row) -> st.SearchStrategy[Row | str]:
    wrong = [
        ("RevCustomerId", "nobody"),
        ("RevCustomerId", None),
        ("ServiceTypeId", 2**31),
        ("CustomerRatePlan", 2**40),
        ("Description", "ž" * 1001),
        ("Description", "😀" * 501),
        ("Description", "a\0b"),
        ("CarrierRatePlan", "x" * 51),
        ("CommPlan", "x" * 101),
        ("RateList", ["1.23456"]),
        ("RevProductIdList", [2**31]),
        ("CustomerDataAllocationMB", "1" + "0" * 21),
        ("CustomerDataAllocationMB", "-1"),
        ("EffectiveDate", "0001-01-01T00:00:00"),
        ("EffectiveDate", "9999-12-31T23:59:59-12:00"),
        ("ActivatedDate", "1752-12-31"),
        ("CreateRevService", "maybe"),
        ("ServiceTypeId", "11"),
    ]
    return st.one_of(
        st.sampled_from(wrong).map(lambda pair: payload | {pair[0]: pair[1]}),
        st.sampled_from(["", "{", "null", "[]", '"text"', "😀", '{"RevCustomerId": "\\ud83d"}']),
    )


def meanwhile(tables: Tables) -> st.SearchStrategy[tuple[str, str, Any, Any]]:
    """Give a table, a column, its new value and the row's id: what another program does before the run begins."""
    customers = st.sampled_from([one["id"] for one in tables["dbo.RevCustomer"]])
    devices = st.sampled_from([one["id"] for one in tables["dbo.Device"]])
    moves: list[tuple[str, str, st.SearchStrategy[Any], st.SearchStrategy[Any]]] = [
        ("dbo.RevCustomer", "Status", st.just("CLOSED"), customers),
        ("dbo.RevCustomer", "IsDeleted", st.just(1), customers),
        ("dbo.RevCustomer", "CustomerName", NAMES, customers),
        ("dbo.Device", "IsActive", st.just(0), devices),
        ("dbo.Device", "IsDeleted", st.just(1), devices),
        ("dbo.Device", "DeviceStatusId", st.just(3), devices),
        ("dbo.Device", "MSISDN", st.just("15550000000"), devices),
        ("dbo.Device", "DateActivated", MOMENTS, devices),
        ("dbo.ServiceProvider", "WriteIsEnabled", st.just(0), st.just(1)),
        ("dbo.CustomerRatePlan", "IsActive", st.just(0), st.just(1)),
    ]
    if tables["dbo.Site"]:
        sites = st.sampled_from([one["id"] for one in tables["dbo.Site"]])
        moves.append(("dbo.Site", "IsActive", st.just(0), sites))
    return st.sampled_from(moves).flatmap(lambda move: st.tuples(st.just(move[0]), st.just(move[1]), move[2], move[3]))
