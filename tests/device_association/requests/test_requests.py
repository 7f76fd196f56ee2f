"""What refuses a whole request: the code, the field, and that nothing is stored."""

from __future__ import annotations

from typing import Any

import pytest

from device_association.domain.errors import RequestRefused
from local.sample_data import groups, world
from tests.flow import Flow, request

PLAIN = groups().plain[:2]


@pytest.mark.only_reads
@pytest.mark.parametrize(
    ("change", "code", "field"),
    [
        ({"Devices": []}, "NO_DEVICES", "Devices"),
        ({"Devices": ["1"] * 1001}, "TOO_MANY_DEVICES", "Devices"),
        ({"Devices": [8901]}, "INVALID_REQUEST", "Devices.0"),
        ({"Devices": ["9" * 51]}, "INVALID_REQUEST", "Devices.0"),
        ({"Colour": "red"}, "INVALID_REQUEST", "Colour"),
        ({"EffectiveDate": "1752-12-31T00:00:00Z"}, "INVALID_REQUEST", "EffectiveDate"),
        ({"Description": "x" * 1001}, "INVALID_REQUEST", "Description"),
        ({"RevCustomerId": "9999"}, "CUSTOMER_NOT_FOUND", "RevCustomerId"),
        ({"RevCustomerId": world.TWICE}, "CUSTOMER_AMBIGUOUS", "RevCustomerId"),
        ({"RevCustomerId": world.CLOSED}, "CUSTOMER_CLOSED", "RevCustomerId"),
        ({"RevCustomerId": world.SITELESS}, "CUSTOMER_HAS_NO_SITE", "RevCustomerId"),
        ({"RevCustomerId": world.UNBILLED}, "CUSTOMER_HAS_NO_REV_ACCOUNT", "RevCustomerId"),
        ({"ServiceProviderId": world.ADRIATIC}, "SERVICE_PROVIDER_NOT_FOUND", "ServiceProviderId"),
        ({"ServiceTypeId": None}, "SERVICE_TYPE_REQUIRED", "ServiceTypeId"),
        ({"ServiceTypeId": 999}, "UNKNOWN_SERVICE_TYPE", "ServiceTypeId"),
        ({"ProviderId": None}, "PROVIDER_REQUIRED", "ProviderId"),
        ({"ProviderId": 999}, "UNKNOWN_PROVIDER", "ProviderId"),
        ({"RevPackageId": 999}, "UNKNOWN_PACKAGE", "RevPackageId"),
        ({"UsagePlanGroupId": 999}, "UNKNOWN_USAGE_PLAN_GROUP", "UsagePlanGroupId"),
        ({"RevProductIdList": [999], "RateList": ["1"]}, "UNKNOWN_PRODUCT", "RevProductIdList"),
        ({"RevProductIdList": [41, 41], "RateList": ["1", "2"]}, "INVALID_REQUEST", "RevProductIdList"),
        ({"RevProductIdList": [41], "RateList": []}, "RATE_LIST_MISMATCH", "RateList"),
        (
            {"RevProductIdList": [41], "RateList": ["1"], "RevPackageId": world.PACKAGE},
            "PACKAGE_AND_PRODUCTS",
            "RevProductIdList",
        ),
        ({"AddCustomerRatePlan": True, "CustomerRatePlan": "3"}, "UNKNOWN_CUSTOMER_RATE_PLAN", "CustomerRatePlan"),
        ({"AddCustomerRatePlan": True, "CustomerRatePool": "9"}, "UNKNOWN_CUSTOMER_RATE_POOL", "CustomerRatePool"),
        (
            {"AddCarrierRatePlan": True, "CarrierRatePlan": world.RETIRED_PLAN},
            "UNKNOWN_CARRIER_RATE_PLAN",
            "CarrierRatePlan",
        ),
        (
            {"ServiceProviderId": world.TELEGENCE, "AddCarrierRatePlan": True, "CarrierRatePlan": "TEL-5MB"},
            "CARRIER_WRITES_DISABLED",
            "AddCarrierRatePlan",
        ),
    ],
)
def test_a_wrong_request_is_refused_as_a_whole_with_its_code_and_field(
    flow: Flow, change: dict[str, Any], code: str, field: str
) -> None:
    before = len(flow.all("dbo", "devicebulkchange"))
    with pytest.raises(RequestRefused) as refused:
        flow.create(request(PLAIN) | change)
    assert (code, field) in [(one.code, one.field) for one in refused.value.refusals]
    assert len(flow.all("dbo", "devicebulkchange")) == before
    assert flow.all("device_association", "device_lock") == []


@pytest.mark.only_reads
@pytest.mark.parametrize(
    ("user", "customer", "code"),
    [
        ("nobody", world.ACME, "PERMISSION_DENIED"),
        ("vic.viewer", world.ACME, "PERMISSION_DENIED"),
        ("carl.clerk", world.BOREALIS, "CUSTOMER_NOT_ACCESSIBLE"),
        ("olga.other", world.ACME, "CUSTOMER_NOT_FOUND"),
    ],
)
def test_a_person_may_do_no_more_than_their_rights_say(flow: Flow, user: str, customer: str, code: str) -> None:
    with pytest.raises(RequestRefused, match=code):
        flow.create(request(PLAIN, RevCustomerId=customer), user=user)


def test_a_guid_finds_the_customer_whose_number_is_ambiguous(flow: Flow) -> None:
    guid = str(world.customer_id(world.TWICE, world.SECOND_ACCOUNT))
    assert flow.create(request(PLAIN, RevCustomerId=guid, CreateRevService=False)).accepted == 2


def test_repeated_iccids_count_once_and_are_trimmed(flow: Flow) -> None:
    assert flow.create(request([PLAIN[0], f" {PLAIN[0]} ", PLAIN[0]])).accepted == 1


def test_a_request_whose_devices_are_all_refused_is_closed_at_once_and_owes_no_message(flow: Flow) -> None:
    created = flow.create(request(groups().not_found))
    change = flow.all("dbo", "devicebulkchange", id=created.change_id)[0]
    assert (created.accepted, created.rejected, change["status"]) == (0, 3, "ERROR")
    assert [one["kind"] for one in flow.all("device_association", "outbox")] == ["NOTIFICATION"]


def test_a_form_run_that_is_cleared_finds_its_own_change_again(flow: Flow) -> None:
    first = flow.create(request(PLAIN), run_id="manual__1")
    assert flow.create(request(PLAIN), run_id="manual__1") == first
    assert len(flow.all("device_association", "change_state")) == 1


def test_two_changes_never_get_the_same_device(flow: Flow) -> None:
    flow.create(request(PLAIN))
    second = flow.create(request(PLAIN))
    assert set(flow.codes(second.change_id).values()) == {"DEVICE_IN_OTHER_CHANGE"}
