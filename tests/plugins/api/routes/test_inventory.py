"""What the screens pick from: only what the caller may see, page by page."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import Engine, text

from local.sample_data import groups, world
from tests.flow import Flow, request
from tests.portal_client import Portal

PLAIN = groups().plain
LISTS = {
    "ServiceProviders": {str(world.JASPER), str(world.VERIZON), str(world.TELEGENCE)},
    "CarrierRatePlans": {world.CARRIER_PLAN, "TEL-5MB"},
    "CustomerRatePlans": {"1", "2", "3"},
    "CustomerRatePools": {"1"},
    "ServiceTypes": {str(world.SERVICE_TYPE)},
    "Providers": {str(world.PROVIDER)},
    "UsagePlanGroups": {str(world.USAGE_PLAN_GROUP)},
    "Packages": {str(world.PACKAGE)},
    "Products": {str(world.PRODUCT), str(world.SECOND_PRODUCT)},
}


def names(answer: Any) -> list[str]:
    return [one["Name"] for one in answer.json()["Customers"]]


@pytest.mark.only_reads
def test_devices_are_found_by_how_a_number_begins(api: Portal) -> None:
    for number in (PLAIN[0], world.msisdn(1)):
        (found,) = api.get("/Devices", params={"Search": number}).json()["Devices"]
        assert (found["ICCID"], found["MSISDN"], found["Status"]) == (PLAIN[0], world.msisdn(1), "Activated")
    for nasty in ("%", "_", "[0-9]%", "' OR 1=1 --"):
        assert api.get("/Devices", params={"Search": nasty}).json()["Devices"] == []


@pytest.mark.only_reads
def test_pages_of_devices_follow_each_other_without_gap_or_repetition(api: Portal) -> None:
    found: list[str] = []
    following: int | None = 0
    while following is not None:
        params = {"Limit": 500, "After": following, "ServiceProviderId": world.JASPER}
        answer = api.get("/Devices", params=params).json()
        found += [one["ICCID"] for one in answer["Devices"]]
        following = answer["Next"]
    assert len(found) == len(set(found)) == 2497


@pytest.mark.only_reads
def test_nobody_sees_the_devices_of_another_tenant_or_another_s_customer(api: Portal) -> None:
    elsewhere, billed = groups().not_in_tenant[0], groups().other_customer[0]
    for user, iccid, seen in (
        ("olga.other", PLAIN[0], 0),
        ("olga.other", elsewhere, 1),
        ("dora.ops", elsewhere, 0),
        ("dora.ops", billed, 1),
        ("carl.clerk", billed, 0),
        ("carl.clerk", PLAIN[0], 1),
        ("carl.clerk", world.iccid(2201), 1),
        ("finn.fleet", PLAIN[0], 1),
        ("finn.fleet", world.iccid(2201), 0),
    ):
        found = api.get("/Devices", user, params={"Search": iccid}).json()["Devices"]
        assert len(found) == seen, (user, iccid)
        assert api.get(f"/Devices/{iccid}/history", user).status_code == (200 if seen else 404), (user, iccid)


def test_a_device_s_history_says_who_changed_what_why_and_when(api: Portal, flow: Flow) -> None:
    flow.run(request(PLAIN[:1], Reason="new fleet"))
    shown = api.get(f"/Devices/{PLAIN[0]}/history").json()
    (device,) = shown["Devices"]
    assert (device["CustomerName"], device["Line"]) == ("Acme Fleet", 1001)
    assert shown["History"]
    assert {(one["ChangedBy"], one["Reason"], one["CustomerNumber"]) for one in shown["History"]} == {
        ("dora.ops", "new fleet", world.ACME)
    }
    named = {one["ChangedField"]: one["CurrentName"] for one in shown["History"]}
    assert named == {
        "SiteId": "Site of 4711",
        "AccountNumber": None,
        "AccountNumberIntegrationAuthenticationId": "northwind",
        "RevServiceId": "1001",
    }
    first = api.get(f"/Devices/{PLAIN[0]}/history", params={"Limit": 1}).json()
    rest = api.get(f"/Devices/{PLAIN[0]}/history", params={"Before": first["Next"]}).json()
    assert first["History"] + rest["History"] == shown["History"]


def test_who_may_use_some_customers_sees_their_history_and_not_what_was_before(api: Portal, flow: Flow) -> None:
    flow.run(request(PLAIN[:1], RevCustomerId=world.BOREALIS, CreateRevService=False))
    flow.run(request(PLAIN[:1], CreateRevService=False))
    everything = api.get(f"/Devices/{PLAIN[0]}/history").json()["History"]
    theirs = api.get(f"/Devices/{PLAIN[0]}/history", "carl.clerk").json()["History"]
    assert {one["CustomerNumber"] for one in everything} == {world.ACME, world.BOREALIS}
    assert {one["CustomerNumber"] for one in theirs} == {world.ACME}
    assert any(one["PreviousValue"] for one in everything)
    assert not any(one["PreviousValue"] or one["PreviousName"] for one in theirs)
    assert "Site of 4711" in {one["CurrentName"] for one in theirs}


@pytest.mark.only_reads
@pytest.mark.parametrize("iccid", ["x", "8901", "８９０１２６００００００００００００１７", "..", "%00", "9" * 5000])
def test_what_is_no_iccid_has_no_history(api: Portal, iccid: str) -> None:
    refused = api.get(f"/Devices/{iccid}/history")
    assert refused.status_code in (404, 422)
    assert refused.json()["Success"] is False


def test_customers_are_those_that_the_caller_may_use(api: Portal, portal: Engine) -> None:
    assert names(api.get("/Customers"))[:2] == ["Acme Fleet", "Borealis Cold Chain"]
    assert names(api.get("/Customers", params={"Search": "ferry"})) == ["Ferry Lines", "Ferry Lines West"]
    assert names(api.get("/Customers", params={"Search": world.BOREALIS})) == ["Borealis Cold Chain"]
    assert names(api.get("/Customers", params={"Search": "%"})) == []
    assert names(api.get("/Customers", "carl.clerk")) == ["Acme Fleet"]
    assert names(api.get("/Customers", "olga.other")) == []
    with portal.begin() as connection:
        connection.execute(text("UPDATE dbo.PortalUserRevCustomer SET IsActive = 0"))
    assert names(api.get("/Customers", "carl.clerk")) == []


@pytest.mark.only_reads
def test_pages_of_customers_follow_each_other_by_name(api: Portal) -> None:
    found: list[str] = []
    params: dict[str, Any] = {"Limit": 2}
    while True:
        answer = api.get("/Customers", params=params)
        found += names(answer)
        if answer.json()["Next"] is None:
            break
        params["After"] = answer.json()["Next"]
    assert found == sorted(names(api.get("/Customers", params={"Limit": 100})))
    assert len(found) == 7


@pytest.mark.only_reads
@pytest.mark.parametrize(("name", "values"), LISTS.items())
def test_each_list_offers_what_a_request_of_the_tenant_may_name(api: Portal, name: str, values: set[str]) -> None:
    assert {one["Value"] for one in api.get(f"/{name}").json()["Choices"]} == values
    others = {one["Value"] for one in api.get(f"/{name}", "olga.other").json()["Choices"]}
    assert others == ({str(world.ADRIATIC)} if name == "ServiceProviders" else set())


@pytest.mark.only_reads
def test_a_list_is_for_one_provider_or_one_customer_s_account(api: Portal) -> None:
    plans = api.get("/CustomerRatePlans", params={"ServiceProviderId": world.VERIZON}).json()["Choices"]
    assert [one["Value"] for one in plans] == ["3"]
    both = api.get("/Products").json()["Choices"]
    acme = api.get("/Products", params={"RevCustomerId": world.ACME}).json()["Choices"]
    assert (len(both), len(acme)) == (4, 2)
    assert api.get("/Products", params={"RevCustomerId": world.UNBILLED}).json()["Choices"] == []
    assert api.get("/Products", "carl.clerk", params={"RevCustomerId": world.BOREALIS}).status_code == 403
    assert api.get("/Products", "olga.other", params={"RevCustomerId": world.ACME}).status_code == 404


@pytest.mark.only_reads
@pytest.mark.parametrize(
    ("path", "params", "field"),
    [
        ("/Devices", {"Search": "a\0"}, "Search"),
        ("/Devices", {"Search": ""}, "Search"),
        ("/Devices", {"ServiceProviderId": "9" * 20}, "ServiceProviderId"),
        ("/Devices", {"Colour": "red"}, "Colour"),
        ("/Customers", {"After": "x"}, "After"),
        ("/Customers", {"Limit": "201"}, "Limit"),
        ("/Products", {"RevCustomerId": "x" * 201}, "RevCustomerId"),
        ("/Products", {"Colour": "red"}, "Colour"),
    ],
)
def test_a_wrong_parameter_is_named(api: Portal, path: str, params: dict[str, str], field: str) -> None:
    refused = api.get(path, params=params)
    assert refused.status_code == 422
    assert [one["Field"] for one in refused.json()["Errors"]] == [field]
