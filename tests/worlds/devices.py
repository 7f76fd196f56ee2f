"""Devices, whose they are, and the lines that the mirror knows."""

from __future__ import annotations

from datetime import datetime

from hypothesis import strategies as st

from local.sample_data.world import iccid, msisdn
from tests.worlds.values import AMOUNTS, CHILD, MOMENTS, NAMES, PARENT, STRANGER, TEXTS, Row, Tables, mostly

STATUSES = [
    ("ACTIVATED", 1, 1, 1),
    ("Test_Ready", 1, 0, 1),
    ("SUSPENDED", 1, 0, 0),
    ("ARCHIVED", 1, 0, 1),
    ("Archived", 2, 0, 1),
    ("activated", 2, 1, 1),
]
"""Name, integration, whether active, whether it allows a customer. Ids count from 1; a device may also have none."""


def devices(draw: st.DrawFn, numbers: list[int]) -> Tables:
    devices = []
    for number in numbers:
        if draw(st.booleans()):
            devices.append(_plain_device(number, draw(st.one_of(st.none(), MOMENTS))))
            continue
        deleted = draw(mostly(0, 1))
        copies = [(number, deleted), (number + 100, 1)] if draw(mostly(False, True)) else [(number, deleted)]
        for device_id, is_deleted in copies:
            devices.append(
                {
                    "id": device_id,
                    "ServiceProviderId": draw(mostly(1, 2)),
                    "ICCID": iccid(number),
                    "MSISDN": draw(mostly(msisdn(number), None, "", msisdn(1))),
                    "DeviceStatusId": draw(mostly(1, None, *range(2, len(STATUSES) + 1))),
                    "CarrierRatePlanId": draw(mostly(None, 1, 2)),
                    "CommPlan": draw(st.one_of(st.none(), TEXTS)),
                    "DateActivated": draw(st.one_of(st.none(), MOMENTS)),
                    "IsActive": draw(mostly(1, 0)),
                    "IsDeleted": is_deleted,
                }
            )
    history = draw(
        st.lists(
            st.builds(
                lambda number, status, moment: {
                    "ICCID": iccid(number),
                    "CurrentStatus": status,
                    "DateOfChange": moment,
                },
                st.sampled_from(numbers),
                st.sampled_from(["ACTIVATED", "activated", "SUSPENDED", "Activated"]),
                MOMENTS,
            ),
            max_size=6,
        )
    )
    return {
        "dbo.DeviceStatus": _statuses(draw),
        "dbo.Device": devices,
        "dbo.DeviceStatusHistory": [{"id": number, **row} for number, row in enumerate(history, 1)],
    }


def _statuses(draw: st.DrawFn) -> list[Row]:
    return [
        {
            "id": number,
            "Status": name,
            "DisplayName": draw(st.one_of(st.none(), NAMES)),
            "IntegrationId": integration,
            "IsActiveStatus": active,
            "AllowsCustomerAssignment": allows,
        }
        for number, (name, integration, active, allows) in enumerate(STATUSES, 1)
    ]


def _plain_device(number: int, activated: datetime | None) -> Row:
    return {
        "id": number,
        "ServiceProviderId": 1,
        "ICCID": iccid(number),
        "MSISDN": msisdn(number),
        "DeviceStatusId": 1,
        "CarrierRatePlanId": None,
        "CommPlan": None,
        "DateActivated": activated,
        "IsActive": 1,
        "IsDeleted": 0,
    }


def tenancies(draw: st.DrawFn, tables: Tables) -> Tables:
    sites = [None, *(site["id"] for site in tables["dbo.Site"])]
    numbers = ["11", "12", None, ""]
    tenancies: list[Row] = []
    history: list[Row] = []
    for device in tables["dbo.Device"]:
        for tenant in draw(mostly([PARENT], [PARENT, CHILD], [CHILD], [STRANGER], [])):
            row = {
                "DeviceId": device["id"],
                "TenantId": tenant,
                "SiteId": draw(st.sampled_from(sites)),
                "AccountNumber": draw(st.sampled_from(numbers)),
                "CustomerRatePlanId": draw(mostly(None, 1, 2)),
                "CustomerRatePoolId": draw(mostly(None, 1)),
                "CustomerDataAllocationMB": draw(AMOUNTS),
            }
            flags = {"IsActive": draw(mostly(1, 0)), "IsDeleted": draw(mostly(0, 1))}
            tenancies.append(
                {
                    "id": len(tenancies) + 1,
                    **row,
                    **flags,
                    "AccountNumberIntegrationAuthenticationId": draw(mostly(1, None, 2)),
                    "RevServiceId": None,
                }
            )
            if draw(mostly(False, True)):
                open_from = draw(MOMENTS)
                opened = {"ICCID": device["ICCID"], "EffectiveFrom": open_from, "EffectiveTo": None}
                history.append({"id": len(history) + 1, **row, **opened})
    return {"dbo.Device_Tenant": tenancies, "dbo.CrossProviderDeviceHistory": history}


def lines(draw: st.DrawFn, tables: Tables) -> Tables:
    customers = [customer["id"] for customer in tables["dbo.RevCustomer"]]
    devices = tables["dbo.Device"]
    lines: list[Row] = []
    for _ in range(draw(st.integers(0, 5))):
        device, how = (
            draw(st.sampled_from(devices)),
            draw(mostly("sim", "number", "both", "phone", "phone of another")),
        )
        lines.append(
            {
                "id": len(lines) + 1,
                "RevServiceId": 500 + len(lines),
                "RevCustomerId": draw(mostly(customers[0], customers[-1], None)),
                "Number": device["ICCID"] if how in {"number", "both"} else device["MSISDN"],
                "Number2": {
                    "sim": device["ICCID"],
                    "both": device["ICCID"],
                    "phone": draw(st.sampled_from([None, ""])),
                }.get(how, iccid(99) if how == "phone of another" else None),
                "ActivatedDate": draw(st.one_of(st.none(), MOMENTS)),
                "DisconnectedDate": draw(st.one_of(st.none(), st.none(), MOMENTS)),
                "IntegrationAuthenticationId": draw(mostly(1, 2, 3)),
                "IsDeleted": draw(mostly(0, 1)),
            }
        )
    for tenancy in tables["dbo.Device_Tenant"]:
        tenancy["RevServiceId"] = draw(mostly(None, *(line["id"] for line in lines))) if lines else None
    return {"dbo.RevService": lines}
