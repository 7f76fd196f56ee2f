"""What goes into the portal's tables comes out of them the same, from either database."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, insert, select, text, update
from sqlalchemy.exc import DBAPIError

from device_association.database.dialects import keep_line_ends, to_driver
from device_association.database.execution import changed, in_transaction, run
from device_association.database.tables.portal_changes import device_change_request
from device_association.database.tables.portal_devices import device, device_status
from device_association.database.tables.portal_tenants import tenant
from device_association.domain.association_request import parse_request
from device_association.domain.encoding import as_json
from device_association.domain.errors import RequestRefused
from device_association.requests.payloads import Payload
from local.sample_data import groups, world
from local.sample_data.portal_tables import named
from tests.flow import NOW, Flow, read_table, request

PLAIN = groups().plain
WIDE = str.maketrans("0123456789", "０１２３４５６７８９")
NO_LINE = {"CreateRevService": False}
LARGEST = Decimal("999999999999999999999.9999")

TEXTS = [
    "Žižka und Söhne, 北京, عربي",
    "Fleet 😀🚚👩‍🔧",
    "  blanks before and behind  ",
    "O'Brien \"& Sons\" '' ;--",
    "100 % %s %(a)s %% :now {x}",
    "C:\\fleet\\",
    "C:\\fleet\\\nnorth\\\r\nsouth\\\n\\\n",
    "tab\tline\nline\r\nend",
    "",
    "NULL",
]


def reason_of(flow: Flow, change_id: int) -> Any:
    (state,) = flow.all("device_association", "change_state", bulkchangeid=change_id)
    return state["reason"]


def terms_of(flow: Flow, change_id: int) -> dict[str, Any]:
    (terms,) = flow.all("device_association", "request_terms", bulkchangeid=change_id)
    return terms


def refused(**more: Any) -> list[tuple[str, str]]:
    with pytest.raises(RequestRefused) as caught:
        parse_request(request(PLAIN[:1], **more), max_devices=10)
    return [(one.code, one.field) for one in caught.value.refusals]


def test_texts_come_back_as_they_were_sent(flow: Flow) -> None:
    for sent in TEXTS:
        change = flow.create(request(["x"], Description=sent, Reason=sent, CommPlan=sent, **NO_LINE)).change_id
        assert reason_of(flow, change) == sent
        assert terms_of(flow, change)["description"] == sent
        assert terms_of(flow, change)["commplan"] == sent


def test_no_text_is_written_into_t_sql_with_a_backslash_at_the_end_of_a_line() -> None:
    binds: dict[str, Any] = {"a": "x\\\ny\\\r\nz", "b": "plain", "c": 7, "aa": "\\"}
    statement, sent = keep_line_ends("SELECT %(a)s, %(b)s, %(aa)s, %(c)s, %(a)s", binds)
    joined = " + ".join(f"CAST(%({name})s AS nvarchar(max))" for name in ("a", "a__1", "a__2"))
    assert statement == f"SELECT ({joined}), %(b)s, %(aa)s, %(c)s, ({joined})"
    assert sent == {"a": "x\\", "a__1": "\ny\\", "a__2": "\r\nz", "b": "plain", "c": 7, "aa": "\\"}
    assert "".join(str(sent[name]) for name in ("a", "a__1", "a__2")) == binds["a"]


def test_a_reason_of_four_thousand_characters_is_kept_whole(flow: Flow) -> None:
    details = "Žižka 😀 " * 444 + "Žižk"
    assert len(details.encode("utf-16-le")) == 2 * 4000
    claim = flow.open(flow.create(request(PLAIN[:1], **NO_LINE)).change_id)
    about = {"bulk_change_id": claim.bulk_change_id, "actor": "dora.ops", "now": NOW}
    row_id = only_row(flow, claim.bulk_change_id)["id"]
    refused_row = {"row_id": row_id, "code": "STEP_FAILED", "details": details}
    with flow.portal.begin() as connection:
        run(connection, "requests/reject_rows", refused=as_json([refused_row]), **about)
        run(connection, "bulk_changes/log_ended_rows", step="test", first_row_id=row_id, last_row_id=row_id, **about)
    assert only_row(flow, claim.bulk_change_id)["statusdetails"] == details
    assert details in [one["errortext"] for one in flow.all("dbo", "devicebulkchangelog")]


def only_row(flow: Flow, change_id: int) -> dict[str, Any]:
    (found,) = flow.all("dbo", "m2m_devicechange", bulkchangeid=change_id)
    return found


def test_a_text_is_as_long_as_both_databases_can_keep(flow: Flow) -> None:
    for field, most in (("Description", 1000), ("Reason", 500), ("CommPlan", 100), ("CarrierRatePlan", 50)):
        for sent in ("ž" * most, "😀" * (most // 2), "x" * most):
            flow.create(request(PLAIN[:1], **{field: sent}, **NO_LINE))
        for sent in ("ž" * (most + 1), "😀" * (most // 2) + "x"):
            assert refused(**{field: sent}) == [("INVALID_REQUEST", field)]


def test_an_iccid_is_as_long_as_both_databases_can_keep(flow: Flow) -> None:
    flow.create(request(["ž" * 50, "😀" * 25]))
    for sent in ("x" * 51, "😀" * 26):
        assert refused(Devices=[sent]) == [("INVALID_REQUEST", "Devices.0")]


def test_decimals_are_kept_to_the_last_digit(flow: Flow) -> None:
    for number, amount in enumerate(["0", "0.0001", "1024.5", "1E+3", str(LARGEST)]):
        plan = {"CustomerRatePlan": world.RATE_PLAN, "CustomerDataAllocationMB": amount}
        flow.run(request([PLAIN[number]], AddCustomerRatePlan=True, **plan, **NO_LINE))
        (tenancy,) = flow.all("dbo", "device_tenant", deviceid=number + 1)
        assert tenancy["customerdataallocationmb"] == Decimal(amount)
        history = flow.all("dbo", "deviceactionhistory", m2mdeviceid=number + 1)
        told = {one["changedfield"]: one["currentvalue"] for one in history}
        assert told["CustomerDataAllocationMB"] == f"{Decimal(amount):.4f}"


def test_rates_travel_as_decimals_to_the_line_s_products(flow: Flow) -> None:
    rates = [LARGEST, Decimal("-0.0001")]
    products = [world.PRODUCT, world.SECOND_PRODUCT]
    flow.run(request(PLAIN[:1], RevProductIdList=products, RateList=[str(rate) for rate in rates]))
    assert [one["rate"] for one in flow.all("dbo", "revserviceproduct")] == rates
    assert [one["rate"] for one in flow.all("device_association", "rev_product_step")] == rates


@pytest.mark.parametrize("amount", ["1" + "0" * 21, "0.00001", "NaN", "Infinity", "-1", "a lot"])
def test_an_amount_that_no_column_keeps_is_refused(amount: str) -> None:
    assert refused(CustomerDataAllocationMB=amount) == [("INVALID_REQUEST", "CustomerDataAllocationMB")]


def test_an_overflow_in_the_database_is_an_error_and_keeps_nothing(empty_portal: Engine) -> None:
    def overflow(connection: Connection) -> None:
        connection.execute(insert(tenant).values(Name="kept?"))
        connection.execute(insert(tenant).values(Name="x" * 201))

    with pytest.raises(DBAPIError):
        in_transaction(empty_portal, overflow)
    assert read_table(empty_portal, "dbo", "tenant") == []


def test_instants_are_utc_to_the_millisecond_whatever_their_zone(flow: Flow) -> None:
    sent = datetime(2026, 11, 25, 1, 2, 3, 456_789, tzinfo=timezone(timedelta(hours=5, minutes=30)))
    change = flow.create(request(PLAIN[:1], EffectiveDate=sent, ActivatedDate=sent.isoformat(), **NO_LINE)).change_id
    (asked,) = flow.all("device_association", "requested_device", bulkchangeid=change)
    kept = datetime(2026, 11, 24, 19, 32, 3, 456_000, tzinfo=UTC)
    assert (asked["effectivedate"], asked["activateddate"]) == (kept, kept)


def test_a_date_without_a_zone_is_the_tenant_s_local_time(flow: Flow) -> None:
    change = flow.create(request(PLAIN[:1], EffectiveDate="2026-07-01T00:00:00", **NO_LINE)).change_id
    (asked,) = flow.all("device_association", "requested_device", bulkchangeid=change)
    assert asked["effectivedate"] == datetime(2026, 7, 1, 5, tzinfo=UTC)


def test_every_instant_that_is_read_is_aware(flow: Flow) -> None:
    change = flow.run(request(PLAIN[:2])).bulk_change_id
    found = [*flow.all("dbo", "m2m_devicechange", bulkchangeid=change), *flow.all("dbo", "devicebulkchange")]
    instants = [value for one in found for value in one.values() if isinstance(value, datetime)]
    assert instants
    assert {instant.utcoffset() for instant in instants} == {timedelta(0)}


def test_an_instant_is_bound_without_microseconds() -> None:
    assert to_driver(NOW.replace(microsecond=999_999)) == NOW.replace(microsecond=999_000)


@pytest.mark.parametrize("field", ["EffectiveDate", "ActivatedDate"])
@pytest.mark.parametrize("moment", ["1752-12-31T23:59:59Z", "0001-01-01T00:00:00", "9999-12-31T23:59:59-12:00", "soon"])
def test_a_date_that_no_column_keeps_is_refused(field: str, moment: str) -> None:
    assert refused(**{field: moment}) == [("INVALID_REQUEST", field)]


def test_the_first_and_the_last_dates_are_kept(flow: Flow) -> None:
    for number, year in enumerate((1754, 9997)):
        moment = datetime(year, 6, 1, tzinfo=UTC)
        sent = request([PLAIN[number]], EffectiveDate=moment, **NO_LINE)
        (asked,) = flow.all("device_association", "requested_device", bulkchangeid=flow.create(sent).change_id)
        assert asked["effectivedate"] == moment


def test_what_is_not_given_is_null_and_flags_are_0_and_1(flow: Flow) -> None:
    change = flow.create(request(PLAIN[:1], Prorate=True, **NO_LINE)).change_id
    terms = terms_of(flow, change)
    assert [terms[name] for name in ("usageplangroupid", "revpackageid", "carrierrateplan", "commplan")] == [None] * 4
    flags = [terms[name] for name in ("createrevservice", "prorate", "addcarrierrateplan")]
    assert flags == [0, 1, 0]
    assert {type(flag) for flag in flags} == {int}
    assert only_row(flow, change)["isprocessed"] == 0


def test_a_flag_that_is_neither_0_nor_1_is_never_stored(empty_portal: Engine, dialect: str) -> None:
    tenants = named("dbo.Tenant", "Name", "IsActive")
    if dialect == "postgresql":
        with pytest.raises(DBAPIError, match="check"), empty_portal.begin() as connection:
            connection.execute(insert(tenants).values(Name="two", IsActive=2))
    else:
        with empty_portal.begin() as connection:
            connection.execute(insert(tenants).values(Name="two", IsActive=2))
    assert {one["isactive"] for one in read_table(empty_portal, "dbo", "tenant")} <= {1}


def test_payloads_are_json_with_every_field_and_decimals_as_texts(flow: Flow) -> None:
    more = {"RevProductIdList": [world.PRODUCT], "RateList": ["1.50"], "Description": 'Ž "😀" \\ \n'}
    change = flow.create(request(PLAIN[:1], **more)).change_id
    with flow.portal.connect() as connection:
        payload = connection.execute(
            text("SELECT r.ChangeRequest FROM dbo.DeviceChangeRequest r INNER JOIN dbo.M2M_DeviceChange m "
                 "ON m.DeviceChangeRequestId = r.id WHERE m.BulkChangeId = :id"),
            {"id": change},
        ).scalar_one()  # fmt: skip
    read = Payload.model_validate_json(payload)
    assert (read.iccid, read.device_id, read.rate_list) == (PLAIN[0], 1, (Decimal("1.50"),))
    assert read.description == more["Description"]
    assert len(json.loads(payload)) == len(Payload.model_fields)


def test_a_file_of_several_statements_says_how_many_rows_it_changed(flow: Flow) -> None:
    claim = flow.open(flow.create(request(PLAIN[:3], **NO_LINE)).change_id)
    flow.check(claim)
    counted = flow.associate(claim)
    told = flow.all("dbo", "deviceactionhistory", bulkchangeid=claim.bulk_change_id)
    assert counted["associated"] == 3
    assert counted["changed_fields"] == len(told) > 3


def test_a_statement_that_finds_nothing_changed_nothing(flow: Flow) -> None:
    binds = {"bulk_change_id": 10**12, "retry_number": 0, "run_id": "run", "now": NOW}
    assert in_transaction(flow.portal, lambda c: changed(c, "bulk_changes/assert_claim", **binds)) == 0


def test_ids_go_on_and_are_returned(flow: Flow) -> None:
    first, second = (flow.create(request(PLAIN[n : n + 1], **NO_LINE)).change_id for n in range(2))
    assert second > first
    found = [one["id"] for one in flow.all("dbo", "devicebulkchange")]
    assert {first, second} <= set(found)


def test_the_rows_of_a_change_are_numbered_in_the_order_of_the_request(flow: Flow) -> None:
    asked = [PLAIN[7], "odd", PLAIN[3], PLAIN[9], "8901", PLAIN[1]]
    change = flow.create(request(asked, **NO_LINE)).change_id
    assert [one["iccid"] for one in flow.all("dbo", "m2m_devicechange", bulkchangeid=change)] == asked


def test_an_iccid_in_wide_digits_is_no_iccid(flow: Flow) -> None:
    wide = PLAIN[0].translate(WIDE)
    change = flow.create(request([wide], **NO_LINE)).change_id
    refused_row = only_row(flow, change)
    assert (refused_row["iccid"], refused_row["errorcode"], refused_row["deviceid"]) == (wide, "INVALID_ICCID", None)


def test_an_iccid_and_its_wide_twin_are_one_device(flow: Flow) -> None:
    for iccid, orders in ((PLAIN[0], slice(None)), (PLAIN[2], slice(None, None, -1))):
        twins = [iccid.translate(WIDE), iccid][orders]
        created = flow.create(request([f"x{iccid}", *twins, "y"], **NO_LINE))
        assert (created.accepted, created.rejected) == (1, 2)
        found = flow.all("dbo", "m2m_devicechange", bulkchangeid=created.change_id)
        assert [one["iccid"] for one in found] == [f"x{iccid}", iccid, "y"]


def test_texts_that_sql_server_takes_as_equal_count_once(flow: Flow) -> None:
    alike = [("abc", "ABC"), ("ß", "ss"), ("8901\u200b", "8901"), ("😀", "😁"), ("Ａ", "a"), ("x", " x\u00a0")]
    for twins in alike:
        created = flow.create(request([*twins], **NO_LINE))
        assert (created.accepted, created.rejected) == (0, 1)


def test_what_differs_in_case_or_blanks_alone_is_not_the_same_name(flow: Flow) -> None:
    for number in (f"{world.ACME} ", world.ACME.translate(WIDE)):
        with pytest.raises(RequestRefused, match="CUSTOMER_NOT_FOUND"):
            flow.create(request(PLAIN[:1], RevCustomerId=number))
    with pytest.raises(RequestRefused, match="PERMISSION_DENIED"):
        flow.create(request(PLAIN[:1]), user="Dora.Ops")
    with pytest.raises(RequestRefused, match="UNKNOWN_CARRIER_RATE_PLAN"):
        flow.create(request(PLAIN[:1], AddCarrierRatePlan=True, CarrierRatePlan=world.CARRIER_PLAN.lower()))


def test_a_status_means_the_same_in_whatever_case_it_is_kept(flow: Flow) -> None:
    with flow.portal.begin() as connection:
        connection.execute(update(device_status).where(device_status.c.id == 4).values(Status="Archived"))
        connection.execute(update(device_status).where(device_status.c.id == 1).values(Status="Activated"))
        connection.execute(update(device).where(device.c.id == 1).values(DeviceStatusId=4, IsActive=1))
        connection.execute(update(device).where(device.c.id == 7).values(DateActivated=None))
    change = flow.create(request([PLAIN[0], PLAIN[6]], **NO_LINE)).change_id
    assert flow.codes(change)[PLAIN[0]] == "DEVICE_ARCHIVED"
    with flow.portal.connect() as connection:
        sent = device_change_request.c
        payload = connection.scalar(select(sent.ChangeRequest).order_by(sent.id.desc()))
    assert Payload.model_validate_json(str(payload)).effective_date == datetime(2026, 1, 1, 7, tzinfo=UTC)


def test_a_payload_that_no_column_keeps_refuses_its_own_row_only(flow: Flow) -> None:
    wrong: list[dict[str, Any]] = [
        {"Description": "x" * 1001},
        {"Description": "😀" * 501},
        {"CommPlan": "x" * 101},
        {"CarrierRatePlan": "x" * 51},
        {"ServiceTypeId": 2**31},
        {"CustomerRatePlan": -(2**31) - 1},
        {"RevProductIdList": [2**31]},
        {"CustomerDataAllocationMB": "1" + "0" * 21},
        {"EffectiveDate": "1752-12-31T00:00:00"},
    ]
    change = flow.create(request(PLAIN[: len(wrong) + 1], **NO_LINE)).change_id
    requests, devices = flow.table("dbo", "devicechangerequest"), flow.table("device_association", "requested_device")
    written = flow.all("dbo", "m2m_devicechange", bulkchangeid=change)
    with flow.portal.begin() as connection:
        connection.execute(devices.delete())
        for one, broken in zip(written, wrong, strict=False):
            at = requests.c.id == one["devicechangerequestid"]
            payload = {"ICCID": one["iccid"], "RevCustomerId": str(world.customer_id(world.ACME)), **broken}
            connection.execute(update(requests).where(at).values(changerequest=json.dumps(payload)))
    claim = flow.open(change)
    flow.check(claim)
    codes = list(flow.codes(change).values())
    assert codes == ["INVALID_REQUEST"] * len(wrong) + ["PROCESSING"]
    for one, broken in zip(flow.all("dbo", "m2m_devicechange", bulkchangeid=change), wrong, strict=False):
        (field,) = broken
        assert field.lower() in one["statusdetails"].replace("_", "").lower()


def test_an_ambiguous_number_is_refused_in_the_same_words(flow: Flow) -> None:
    with pytest.raises(RequestRefused, match=r"exists in the Rev\.io accounts 1, 2; send the customer's guid"):
        flow.create(request(PLAIN[:1], RevCustomerId=world.TWICE))
