"""The baseline: the old Lambda, which brings one device after the other to its customer.

A fair rendition: one HTTP session and one database connection for all devices, the driver without anything around it. For
each device two calls (is there a line, create one) and eight statements, each with a commit of its own. It writes fewer
rows a device than we do: two of history, one of the log.
"""

from __future__ import annotations

import json
from contextlib import closing
from typing import Any

import psycopg2
import requests
from sqlalchemy import URL

from benchmarks.progress import Tell, silent
from device_association.revio.accounts import Account
from local.sample_data import world

ACTOR = "lambda"
FIND_ROWS = "SELECT id FROM dbo.M2M_DeviceChange WHERE BulkChangeId = %(change)s AND IsProcessed = 0 ORDER BY id"
READ_ROW = """
SELECT m.ICCID, m.MSISDN, r.ChangeRequest
FROM dbo.M2M_DeviceChange AS m INNER JOIN dbo.DeviceChangeRequest AS r ON m.DeviceChangeRequestId = r.id
WHERE m.id = %(row)s
"""
READ_DEVICE = """
SELECT d.id, d.ServiceProviderId, d.DateActivated, t.id, t.AccountNumber, t.RevServiceId
FROM dbo.Device AS d INNER JOIN dbo.Device_Tenant AS t ON d.id = t.DeviceId
WHERE d.ICCID = %(iccid)s AND d.ServiceProviderId = %(provider)s AND t.TenantId = %(tenant)s AND d.IsDeleted = 0
"""
INSERT_LINE = """
INSERT INTO dbo.RevService (
    RevServiceId, RevCustomerId, Number, Number2, ActivatedDate, IntegrationAuthenticationId, RevServiceTypeId,
    RevProviderId, CreatedBy
)
VALUES (
    %(line)s, %(customer)s, %(msisdn)s, %(iccid)s, %(activated)s, %(account)s, %(type)s, %(carrier)s, %(actor)s
)
RETURNING id
"""
UPDATE_TENANT = """
UPDATE dbo.Device_Tenant
SET
    SiteId = %(site)s, AccountNumber = %(number)s, AccountNumberIntegrationAuthenticationId = %(account)s,
    RevServiceId = %(mirror)s, IsActive = 1, IsDeleted = 0, ModifiedBy = %(actor)s, ModifiedDate = CURRENT_TIMESTAMP
WHERE id = %(tenancy)s
"""
INSERT_HISTORY = """
INSERT INTO dbo.DeviceActionHistory (
    ServiceProviderId, M2MDeviceId, BulkChangeId, ICCID, MSISDN, ChangedField, PreviousValue, CurrentValue,
    ChangeEventType, DateOfChange, ChangedBy, CustomerAccountNumber, TenantId, CreatedBy
)
VALUES (
    %(provider)s, %(device)s, %(change)s, %(iccid)s, %(msisdn)s, %(field)s, %(old)s, %(new)s, 'Associate Customer',
    CURRENT_TIMESTAMP, %(actor)s, %(number)s, %(tenant)s, %(actor)s
)
"""
INSERT_LOG = """
INSERT INTO dbo.DeviceBulkChangeLog (
    BulkChangeId, M2MDeviceChangeId, LogEntryDescription, RequestText, ResponseText, ResponseStatus, HasErrors,
    ProcessedBy, ProcessedDate, CreatedBy
)
VALUES (
    %(change)s, %(row)s, 'Create Rev service', %(request)s, %(response)s, 'PROCESSED', 0, %(actor)s, CURRENT_TIMESTAMP,
    %(actor)s
)
"""
END_ROW = "CALL dbo.usp_DeviceBulkChange_RevService_UpdateM2MChange(%(row)s, 1::smallint, 'associated')"


def associate_one_by_one(url: URL, account: Account, change: int, tell: Tell = silent) -> None:
    """Bring every device of a change to its customer, with a line of its own."""
    with closing(_connect(url)) as connection, connection.cursor() as cursor, _session(account) as session:
        cursor.execute(FIND_ROWS, {"change": change})
        found = cursor.fetchall()
        for number, (row,) in enumerate(found, 1):
            tell("one device after the other,", number, len(found))
            _associate(cursor, session, account.base_url, change, row)


def _associate(cursor: Any, session: requests.Session, base_url: str, change: int, row: int) -> None:
    about: dict[str, Any] = {"change": change, "row": row, "actor": ACTOR, "tenant": world.NORTHWIND, "site": 1}
    about |= {"account": world.ACCOUNT, "customer": str(world.customer_id(world.ACME)), "provider": world.JASPER}
    cursor.execute(READ_ROW, about)
    about["iccid"], about["msisdn"], payload = cursor.fetchone()
    asked = json.loads(payload)
    about |= {"number": world.ACME, "type": asked["ServiceTypeId"], "carrier": asked["ProviderId"]}
    cursor.execute(READ_DEVICE, about)
    about["device"], _, about["activated"], about["tenancy"], old_number, old_line = cursor.fetchone()
    body = _body(about)
    about["line"] = _create_line(session, f"{base_url}/v1/Services", body)
    cursor.execute(INSERT_LINE, about)
    (about["mirror"],) = cursor.fetchone()
    cursor.execute(UPDATE_TENANT, about)
    for field, old, new in (
        ("AccountNumber", old_number, about["number"]),
        ("RevServiceId", old_line, about["mirror"]),
    ):
        cursor.execute(INSERT_HISTORY, about | {"field": field, "old": old, "new": new})
    cursor.execute(INSERT_LOG, about | {"request": json.dumps(body), "response": f"line {about['line']}"})
    cursor.execute(END_ROW, about)


def _create_line(session: requests.Session, url: str, body: dict[str, object]) -> int:
    """Create the line of a SIM that has none."""
    asked: dict[str, Any] = {"customer_id": body["customer_id"], "number2": body["number2"], "page_size": 10}
    found = session.get(url, params=asked, timeout=30)
    found.raise_for_status()
    if found.json()["records"]:
        raise AssertionError(f"SIM {body['number2']} has a line already")
    created = session.post(url, json=body, timeout=30)
    created.raise_for_status()
    return int(created.json()["id"])


def _body(about: dict[str, Any]) -> dict[str, object]:
    return {
        "customer_id": int(about["number"]),
        "provider_id": about["carrier"],
        "service_type_id": about["type"],
        "number": about["msisdn"],
        "number2": about["iccid"],
        "activated_date": f"{about['activated']:%Y-%m-%d}T00:00:00",
    }


def _session(account: Account) -> requests.Session:
    session = requests.Session()
    session.trust_env = False
    session.auth = (account.login, account.password)
    session.headers["Ocp-Apim-Subscription-Key"] = account.subscription_key
    return session


def _connect(url: URL) -> Any:
    place = url.translate_connect_args(username="user", database="dbname")
    connection = psycopg2.connect(**place, **url.query)
    connection.autocommit = True
    return connection
