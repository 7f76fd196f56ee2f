"""What people do at Rev.io and in the portal meanwhile: they make, move and change lines, and write changes of their own."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import Engine

from device_association.domain.sim_numbers import luhn_digit
from local.sample_data import world
from tests.protocol.acts import Spelling, What
from tests.protocol.database import DEVICES, MSISDNS
from tests.protocol.vendor import Kept

STRANGERS_SIM = world.iccid(890_000)
ACTIVATED = (date(2026, 3, 28), date(2026, 3, 28), date(2026, 3, 29))
"""The days on which the devices were activated, in their tenant's time zone."""


def written(
    spelling: Spelling, customer: int, device: int, called: dict[str, Any] | None
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return a line that a person makes, and what is shown of it instead of what it is; `called` is our last call's body."""
    iccid = DEVICES[device]
    plain: dict[str, Any] = {"customer_id": customer, "number": "by hand", "number2": iccid}
    alike: dict[str, Any] = {
        "provider_id": world.PROVIDER,
        "service_type_id": world.SERVICE_TYPE,
        "number": MSISDNS[device],
        "number2": iccid,
        "activated_date": ACTIVATED[device],
    }
    numbers: dict[Spelling, dict[str, Any]] = {
        Spelling.FILLER: {"number2": f"{iccid}F"},
        Spelling.HYPHENS: {"number2": "-".join(iccid[place : place + 4] for place in range(0, len(iccid), 4))},
        Spelling.CHECK_DIGIT: {"number2": iccid + luhn_digit(iccid)},
        Spelling.IN_NUMBER: {"number": iccid, "number2": None},
        Spelling.MSISDN: {"number": f"+{MSISDNS[device]}", "number2": None},
        Spelling.ALIKE: (called or alike) | {"customer_id": customer},
        Spelling.OTHER_TERMS: (called or alike) | {"customer_id": customer, "description": "by hand"},
    }
    shown: dict[Spelling, dict[str, Any]] = {
        Spelling.ROUNDED: {"number2": float(iccid)},
        Spelling.NO_CUSTOMER: {"customer_id": None},
        Spelling.NO_ID: {"service_id": None},
    }
    return plain | numbers.get(spelling, {}), shown.get(spelling, {})


def edit(line: Kept, what: What, customer: int, device: int, now: datetime) -> None:
    """Change a line as a person does."""
    if what is What.MOVE:
        line.edit(now, customer_id=customer)
    elif what is What.SWAP:
        line.sim = DEVICES[device] if device < len(DEVICES) else None
        number2 = line.sim or STRANGERS_SIM
        line.edit(now, number2=number2, number=f"of {number2}")
    elif what is What.NUMBER:
        line.edit(now, number="another number", number2=line.sim or STRANGERS_SIM)
    elif what is What.CORRECT:
        line.edit(now, customer_id=line.body["customer_id"], number2=line.sim or STRANGERS_SIM)
        line.odd = {}
    elif (what is What.DISCONNECT) == (line.ended is None):
        line.ended = now if what is What.DISCONNECT else None
        line.edit(now)


def write_as_portal(portal: Engine, change_id: int, iccid: str, customer_guid: str) -> None:
    """Let one device of a change be for another customer, as the running portal may write it: with terms of its own."""
    with portal.begin() as connection:
        columns = [
            name
            for (name,) in connection.exec_driver_sql(
                "SELECT column_name FROM information_schema.columns WHERE table_schema = 'device_association' "
                "AND table_name = 'request_terms' AND column_name NOT IN ('id', 'termshash', 'revcustomerid')"
            )
        ]
        named = ", ".join(columns)
        (terms_id,) = connection.exec_driver_sql(
            f"INSERT INTO device_association.request_terms ({named}, TermsHash, RevCustomerId) "
            f"SELECT {named}, %s, %s FROM device_association.request_terms WHERE BulkChangeId = %s RETURNING id",
            (customer_guid.replace("-", "").rjust(64, "0"), customer_guid, change_id),
        ).one()
        connection.exec_driver_sql(
            "UPDATE device_association.requested_device SET TermsId = %s WHERE M2MDeviceChangeId IN "
            "(SELECT id FROM dbo.M2M_DeviceChange WHERE BulkChangeId = %s AND ICCID = %s)",
            (terms_id, change_id, iccid),
        )
