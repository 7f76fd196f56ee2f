"""How a filled-in form becomes the request that the portal would send."""

from __future__ import annotations

import pytest

from device_association.domain.errors import RequestRefused
from device_association_airflow.trigger_form import (
    DRAFT,
    EXISTING_CHANGE,
    NEW_REQUEST,
    OWN_FIELDS,
    association_form,
    check_choice,
    request_of,
)


def filled_in(**entered: object) -> dict[str, object]:
    return {name: param.resolve() for name, param in association_form({}).items()} | entered


def test_fields_left_empty_are_left_out_and_the_form_s_own_never_travel() -> None:
    sent = request_of(filled_in(Devices=["8901"], RevCustomerId="4711", Description="", start_with=NEW_REQUEST))
    assert sent["Devices"] == ["8901"]
    assert "Description" not in sent
    assert "CarrierRatePlan" not in sent
    assert not OWN_FIELDS & sent.keys()


def test_products_are_numbers_and_what_is_none_stays_for_the_rules_to_refuse() -> None:
    assert request_of(filled_in(RevProductIdList=["101", " 102 ", "x"]))["RevProductIdList"] == [101, 102, "x"]


def test_every_field_is_in_a_section_and_has_a_title() -> None:
    assert all(param.schema.get("section") and param.schema.get("title") for param in association_form({}).values())


def test_an_existing_change_wants_its_id_and_a_new_request_does_not() -> None:
    with pytest.raises(RequestRefused, match="bulk_change_id"):
        check_choice(filled_in(start_with=EXISTING_CHANGE))
    check_choice(filled_in(start_with=EXISTING_CHANGE, bulk_change_id=7))
    check_choice(filled_in(start_with=NEW_REQUEST))


def test_what_is_known_by_name_is_a_drop_down_and_the_rest_takes_what_is_typed() -> None:
    form = association_form({"ServiceProviderId": {"3": "Verizon"}, "RevProductIdList": {"41": "Data, north"}})
    carrier, products = form["ServiceProviderId"].schema, form["RevProductIdList"].schema
    assert carrier["enum"] == [None, 3]
    assert carrier["values_display"]["3"] == "Verizon (3)"
    assert products["examples"] == ["41"]
    assert "enum" not in form["ServiceTypeId"].schema
    assert form["ServiceProviderId"].resolve() is None


def test_every_field_s_schema_is_of_the_draft_that_is_checked_fastest() -> None:
    offered = association_form({"ServiceProviderId": {"1": "Jasper"}})
    assert {param.schema["$schema"] for param in offered.values()} == {DRAFT}
