"""A small world after a run in which all went well: three devices, a line each for two of them, one refused."""

from __future__ import annotations

from typing import Any

from chaos.records.world import World

Row = dict[str, Any]
NOON = "2026-11-28T12:00:00.000+00:00"
ACME, ACCOUNT = "a-guid", 1
ICCIDS = {1: "890001", 2: "890002", 3: "890003"}
CHANGE, PLAIN, REFUSED, FORM, PEOPLED = 10, 11, 12, 13, 14


def clean_world() -> World:
    """Change 10: lines for devices 1 and 2, with a product. 11: device 3 without a line. 12: refused. 13: by the form."""
    return World(
        history=_history(),
        tables=_tables(),
        seeded=[_service(500, 3) | {"account": "northwind", "customer_id": 4712}],
        journal=_journal(),
        queue=["still-there"],
        dead_letters=["unreadable"],
        runs={"chaos__4": "success", "bulk_change__10__0": "success"},
    )


def reverted_world() -> World:
    """The clean world after change 10 was taken back by change 20: its devices are nobody's again, its lines have ended."""
    world, revert = clean_world(), 20
    answer = {"Success": True, "ChangeId": revert}
    world.history.append(_event("asked", "revert", n=9, change=CHANGE))
    world.history.append(_event("answered", "revert", n=9, change=CHANGE, status=200, answer=answer))
    tables = world.tables
    tables["devicebulkchange"].append(_change(revert))
    tables["change_state"].append(_state(revert, 0) | {"reason": "chaos revert 9"})
    tables["outbox"].append(_owed(revert))
    nothing = {"accountnumber": None, "accountnumberintegrationauthenticationid": None, "siteid": None}
    for device, number in ((1, 11_001), (2, 11_002)):
        tables["m2m_devicechange"].append(_row(10 + device, revert, device))
        tables["device_tenant"][device - 1].update(nothing, revserviceid=None)
        tables["crossproviderdevicehistory"][device - 1].update(accountnumber=None, siteid=None)
        tables["revservice"][device - 1]["disconnecteddate"] = NOON
        tables["noted"].append(_noted("device_tenant", 1000 + device, "accountnumber", "4711", None))
        written = {"previousvalue": "4711", "currentvalue": None}
        tables["deviceactionhistory"].append(_written(revert, device) | written)
        ended = _service(number, device) | {"disconnected_date": NOON}
        world.journal.append(_entry("product_disconnected", product={"service_id": number, "product_id": 41}))
        world.journal.append(_entry("service_disconnected", service=ended))
    return world


def world_of_a_dying_line() -> World:
    """The reverted world, in which device 1 was asked for again an hour later: its line is still the one that ends."""
    world, again = reverted_world(), 30
    later = NOON.replace("T12", "T13")
    world.history.append(_asked(6, [1], line=True))
    world.history.append(_event("answered", "ask", n=6, status=200, change=again))
    tables = world.tables
    tables["devicebulkchange"].append(_change(again))
    tables["change_state"].append(_state(again, 6))
    tables["outbox"].append(_owed(again))
    tables["m2m_devicechange"].append(_row(30, again, 1) | {"processeddate": later})
    tables["device_tenant"][0].update(_tenancy(1, 101))
    tables["crossproviderdevicehistory"][0].update(_period(1))
    tables["noted"].append(_noted("device_tenant", 1001, "accountnumber", None, "4711"))
    tables["deviceactionhistory"].append(_written(again, 1))
    return world


def peopled_world() -> World:
    """The clean world with change 14 for SIMs of whose lines people at the vendor know more, and then reconciliation.

    Device 4: a person's line, an hour old, adopted. 5: a person's line, made 30 s before ours. 6: another customer's line.
    7: a record without a customer. 8: our line, which a person moved away later.
    """
    world, change = clean_world(), PEOPLED
    tables = world.tables
    iccids = {device: f"89000{device}" for device in (4, 5, 6, 7, 8)}
    world.history.append(_asked(5, list(iccids), line=True) | {"iccids": list(iccids.values())})
    world.history.append(_event("answered", "ask", n=5, status=200, change=change))
    world.history.append(_event("reconciled", "success"))
    tables["device"] += [
        {"id": device, "iccid": iccid, "msisdn": f"555000000{device}"} for device, iccid in iccids.items()
    ]
    tables["devicebulkchange"].append(_change(change, "PARTIALLY_PROCESSED"))
    tables["change_state"].append(_state(change, 5))
    tables["outbox"].append(_owed(change))
    codes = {6: "REV_LINE_OF_OTHER_CUSTOMER", 7: "REV_LINE_AMBIGUOUS"}
    for device, iccid in iccids.items():
        code = codes.get(device)
        row = _row(10 + device, change, device, iccid=iccid, status="API_FAILED" if code else "PROCESSED", code=code)
        tables["m2m_devicechange"].append(row | {"haserrors": int(code is not None)})
        if code is None:
            link = {4: 104, 5: 105}.get(device)
            tables["device_tenant"].append(_tenancy(device, link))
            tables["crossproviderdevicehistory"].append(_period(device))
            tables["deviceactionhistory"].append(_written(change, device, iccid))
            tables["noted"].append(_noted("device_tenant", 1000 + device, "accountnumber", None, "4711"))
    tables["revservice"] += [
        {**_mirrored(own, number, 1, whose), "number2": iccids[device]}
        for own, number, device, whose in (
            (104, 12_001, 4, ACME), (105, 11_005, 5, ACME), (106, 12_002, 5, ACME), (108, 11_008, 8, "b-guid"),
        )
    ]  # fmt: skip
    found = {"integrationauthenticationid": ACCOUNT, "revserviceid": 11_005, "iccid": iccids[5]}
    tables["finding"] += [{"kind": "TWO_ACTIVE_LINES", **found}]
    world.journal += [
        _by_person("service_created", "11:00:00", 12_001, iccids[4]),
        _by_person("service_created", "11:59:30", 12_002, iccids[5]),
        _by_person("service_created", "11:00:00", 12_003, iccids[6], 4712),
        _entry("record_planted", record=_raw(f"{iccids[7]}F")) | {"by": "control", "planted": True},
        *(
            _entry("service_created", service=_line(number, iccid))
            for number, iccid in ((11_005, iccids[5]), (11_008, iccids[8]))
        ),
        _by_person("service_moved", "12:30:00", 11_008, iccids[8], 4712),
    ]
    return world


def _history() -> list[Row]:
    return [
        _asked(1, [1, 2], line=True, products=[41]),
        _asked(2, [3], line=False),
        _asked(3, [99], line=False),
        _asked(4, [3], line=False) | {"way": "form"},
        _event("answered", "ask", n=1, status=200, change=CHANGE),
        _event("answered", "ask", n=2, status=200, change=PLAIN),
        _event("answered", "ask", n=3, status=200, change=REFUSED),
        _event("answered", "ask", n=4, status=200, run="chaos__4"),
        _event("asked", "retry", n=5, change=REFUSED),
        _event("answered", "retry", n=5, change=REFUSED, status=200, answer={"RetryNumber": 1}),
        _event("sent", "message", n=1, message="still-there", workable=False),
        _event("sent", "message", n=2, message="unreadable", workable=False),
        _event("sent", "message", n=3, message="recorded", workable=False),
        _event("sent", "message", n=4, message="worked-on", workable=True, change=CHANGE, retry=0),
    ]


def _event(what: str, kind: str, **about: Any) -> Row:
    return {"at": NOON, "what": what, "kind": kind, **about}


def _asked(n: int, devices: list[int], *, line: bool, products: list[int] | None = None) -> Row:
    iccids = [ICCIDS.get(one, f"89{one:04d}") for one in devices]
    whose = {"customer": "4711", "account": ACCOUNT, "customer_id": ACME}
    return _event("asked", "ask", n=n, way="post", iccids=iccids, line=line, products=products or [], **whose)


def _tables() -> dict[str, list[Row]]:
    return {
        "integration_authentication": [{"id": ACCOUNT, "name": "northwind"}],
        "revcustomer": [{"id": ACME, "revcustomerid": "4711"}, {"id": "b-guid", "revcustomerid": "4712"}],
        "site": [{"id": 7, "tenantid": 1, "revcustomerid": ACME, "isdeleted": 0}],
        "device": [{"id": device, "iccid": iccid, "msisdn": None} for device, iccid in ICCIDS.items()],
        "device_tenant": [_tenancy(1, 101), _tenancy(2, 102), _tenancy(3, None)],
        "revservice": [_mirrored(101, 11_001, 1), _mirrored(102, 11_002, 2), _mirrored(103, 500, 3, "b-guid")],
        "revserviceproduct": [],
        "devicebulkchange": [_change(CHANGE), _change(PLAIN), _change(REFUSED, "ERROR"), _change(FORM)],
        "m2m_devicechange": [
            _row(1, CHANGE, 1),
            _row(2, CHANGE, 2),
            _row(3, PLAIN, 3),
            _row(4, REFUSED, None, status="ERROR", code="DEVICE_NOT_FOUND", iccid="890099"),
            _row(5, FORM, 3),
        ],
        "deviceactionhistory": [_written(CHANGE, 1), _written(CHANGE, 2), _written(PLAIN, 3)],
        "crossproviderdevicehistory": [_period(1), _period(2), _period(3)],
        "change_state": [
            _state(CHANGE, 1),
            _state(PLAIN, 2),
            _state(REFUSED, 3, retry=1),
            _state(FORM, 4) | {"runkey": "chaos__4"},
        ],
        "line_intent": [{"state": "CREATED", "iccid": ICCIDS[1], "bulkchangeid": CHANGE}],
        "device_lock": [],
        "outbox": [_owed(CHANGE), _owed(PLAIN), _owed(REFUSED), _owed(REFUSED, retry=1), _owed(FORM)],
        "dead_letter": [{"messageid": "recorded"}],
        "finding": [],
        "change_result": [],
        "noted": [
            *(_noted("device_tenant", 1000 + device, "accountnumber", None, "4711") for device in ICCIDS),
            *(_noted("m2m_devicechange", row, "status", "PROCESSING", "PROCESSED") for row in (1, 2, 3, 5)),
            _noted("m2m_devicechange", 4, "status", "ERROR", "NEW"),
            _noted("m2m_devicechange", 4, "status", "NEW", "ERROR"),
            _noted("devicebulkchange", CHANGE, "status", "PROCESSING", "PROCESSED"),
            _noted("device_tenant", 1001, "revserviceid", None, "101", "UPDATE_DEVICE_REV_SERVICE_LINKS"),
        ],
    }


def _tenancy(device: int, link: int | None) -> Row:
    owner = {"siteid": 7, "accountnumber": "4711", "accountnumberintegrationauthenticationid": ACCOUNT}
    plans: Row = {"customerrateplanid": None, "customerratepoolid": None, "customerdataallocationmb": None}
    own = {"id": 1000 + device, "deviceid": device, "tenantid": 1, "isactive": 1, "isdeleted": 0}
    return own | owner | plans | {"revserviceid": link}


def _mirrored(own: int, number: int, device: int, customer: str = ACME) -> Row:
    whose = {"revcustomerid": customer, "integrationauthenticationid": ACCOUNT, "number2": ICCIDS[device]}
    return {"id": own, "revserviceid": number, "isdeleted": 0, "disconnecteddate": None, "description": None, **whose}


def _change(change: int, status: str = "PROCESSED") -> Row:
    return {
        "id": change,
        "changerequesttypeid": 4,
        "tenantid": 1,
        "status": status,
        "processeddate": NOON,
        "isdeleted": 0,
    }


def _row(
    own: int, change: int, device: int | None, *, status: str = "PROCESSED", code: str | None = None, iccid: str = ""
) -> Row:
    said = {"status": status, "errorcode": code, "statusdetails": "said why", "haserrors": int(status == "ERROR")}
    about = {"deviceid": device, "iccid": iccid or ICCIDS[device or 0], "createdby": "dora.ops"}
    return {"id": own, "bulkchangeid": change, "isprocessed": 1, "processeddate": NOON, "isdeleted": 0, **said, **about}


def _written(change: int, device: int, iccid: str = "") -> Row:
    said = {"changedfield": "AccountNumber", "previousvalue": None, "currentvalue": "4711"}
    return {"bulkchangeid": change, "m2mdeviceid": device, "iccid": iccid or ICCIDS[device], **said}


def _period(device: int) -> Row:
    has = _tenancy(device, None)
    names = ("siteid", "accountnumber", "customerrateplanid", "customerratepoolid", "customerdataallocationmb")
    return {"deviceid": device, "tenantid": 1, "effectiveto": None, **{name: has[name] for name in names}}


def _state(change: int, step: int, *, retry: int = 0) -> Row:
    return {"bulkchangeid": change, "retrynumber": retry, "claimrunid": None, "runkey": None, "reason": f"chaos {step}"}


def _owed(change: int, *, retry: int = 0) -> Row:
    return {"kind": "NOTIFICATION", "bulkchangeid": change, "retrynumber": retry, "sentdate": NOON}


def _noted(table: str, row: int, field: str, old: str | None, new: str | None, by: str = "dora.ops") -> Row:
    return {"tablename": table, "rowid": row, "field": field, "old": old, "new": new, "modifiedby": by, "at": NOON}


def _service(number: int, device: int) -> Row:
    return {"service_id": number, "customer_id": 4711, "number2": ICCIDS[device]}


def _journal() -> list[Row]:
    made = [(11_001, 1), (11_002, 2)]
    lines = [_entry("service_created", service=_service(number, device)) for number, device in made]
    return lines + [_entry("product_created", product={"service_id": number, "product_id": 41}) for number, _ in made]


def _line(number: int, iccid: str, customer: int = 4711) -> Row:
    return {"service_id": number, "customer_id": customer, "number": None, "number2": iccid, "description": None}


def _raw(number2: str) -> Row:
    return {"key": 700, "fields": {"service_id": 700, "customer_id": None, "number2": number2}}


def _by_person(kind: str, at: str, number: int, iccid: str, customer: int = 4711) -> Row:
    """Return an entry of the journal: at that time of the day a person makes or changes a line."""
    about = {"by": "person", "planted": True, "at": f"2026-11-28T{at}.000+00:00"}
    return _entry(kind, service=_line(number, iccid, customer)) | about


def _entry(kind: str, **about: Row) -> Row:
    return {"kind": kind, "at": NOON, "account": "northwind", "planted": False, **about}
