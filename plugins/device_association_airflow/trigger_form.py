"""The trigger form of `associate_customer`: its fields, and how they become the request that the portal would send."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from airflow.sdk import Param, Variable, get_parsing_context
from sqlalchemy import Engine

from device_association.domain.codes import RequestCode
from device_association.domain.errors import Refusal, RequestRefused
from device_association.domain.plain_numbers import plain_whole
from device_association.portal.form_options import Choices, list_choices

CHOICES = "device_association_form_choices"
"""The Airflow variable that keeps what the form's drop-downs offer."""

EXISTING, WHO, LINE, PLANS, WHEN = (
    "1 · What to start",
    "2 · Or a new one: devices and customer",
    "3 · Line in Rev.io",
    "4 · Rate plans",
    "5 · Dates and reason",
)
DRAFT = "http://json-schema.org/draft-07/schema#"
"""Airflow checks each field's schema itself in every task and for every new run: under this draft in a third of the time."""


def _field(value: Any, title: str, section: str, help_text: str = "", **schema: Any) -> Param:
    about: dict[str, Any] = {"$schema": DRAFT, "title": title, "section": section}
    return Param(value, help_text or None, **about, **schema)


def _text(title: str, section: str, help_text: str = "", **schema: Any) -> Param:
    return _field(None, title, section, help_text, type=["null", "string"], **schema)


def _number(title: str, section: str, help_text: str = "") -> Param:
    return _field(None, title, section, help_text, type=["null", "integer"], minimum=0)


def _list(title: str, section: str, help_text: str = "") -> Param:
    return _field([], title, section, help_text, type="array")


def _switch(title: str, section: str, help_text: str = "") -> Param:
    return _field(False, title, section, help_text, type="boolean")


NEW_REQUEST, EXISTING_CHANGE = "a new request (sections 2 to 5)", "an existing change (its id below)"
OWN_FIELDS = frozenset({"start_with", "bulk_change_id"})
"""Fields of the form that are no fields of the request."""

ASSOCIATION_FORM: dict[str, Param] = {
    "start_with": _field(NEW_REQUEST, "Start with", EXISTING, type="string", enum=[NEW_REQUEST, EXISTING_CHANGE]),
    "bulk_change_id": _number(
        "Bulk change id", EXISTING, "Runs a change that exists and has not ended. Leave everything below empty then."
    ),
    "ServiceProviderId": _number("Service provider", WHO, "The carrier that the devices belong to."),
    "Devices": _list("ICCIDs", WHO, "One a line, 18 to 22 digits; repeated ones count once."),
    "RevCustomerId": _text("Customer", WHO, "The customer's guid, or the Rev.io number where it is unique."),
    "CreateRevService": _switch("Create a line in Rev.io", LINE, "Each device without a line gets exactly one."),
    "ServiceTypeId": _number("Service type", LINE, "Required for a line."),
    "ProviderId": _number("Provider", LINE, "Required for a line."),
    "UsagePlanGroupId": _number("Usage plan group", LINE),
    "RevPackageId": _number("Package", LINE, "A package brings its products: then name none."),
    "RevProductIdList": _list("Products", LINE, "What the line is billed for."),
    "RateList": _list("Rates", LINE, "One for each product, in order."),
    "Prorate": _switch("Prorate the first month", LINE),
    "Description": _text("Description of the line", LINE, maxLength=1000),
    "AddCustomerRatePlan": _switch("Assign a customer rate plan", PLANS),
    "CustomerRatePlan": _text("Customer rate plan", PLANS, "The plan's id."),
    "CustomerRatePool": _text("Customer rate pool", PLANS, "The pool's id."),
    "CustomerDataAllocationMB": _field(None, "Data allocation in MB", PLANS, type=["null", "number"], minimum=0),
    "AddCarrierRatePlan": _switch("Assign a carrier rate plan", PLANS, "In the database only; no carrier is called."),
    "CarrierRatePlan": _text("Carrier rate plan", PLANS),
    "CommPlan": _text("Communication plan", PLANS),
    "EffectiveDate": _text(
        "Effective date",
        WHEN,
        "Empty: each device's activation date. A future date queues the plan.",
        format="date-time",
    ),
    "ActivatedDate": _text("Activated date", WHEN, "Empty: each device's own.", format="date-time"),
    "Reason": _text("Reason", WHEN, "Why; kept with the change.", maxLength=500),
}


def association_form(choices: Choices) -> dict[str, Param]:
    """Return the form's fields; one that `choices` knows offers them by name, any other takes an id or a code."""
    return {name: _offering(param, choices.get(name, {})) for name, param in ASSOCIATION_FORM.items()}


def _offering(param: Param, offered: Mapping[str, str]) -> Param:
    if not offered:
        return param
    shown = {value: f"{label} ({value})" for value, label in offered.items()}
    if param.schema["type"] == "array":
        listed: dict[str, Any] = {"examples": list(offered)}
    else:
        is_number = "integer" in param.schema["type"]
        values = [found for one in offered if (found := plain_whole(one)) is not None] if is_number else offered
        listed, shown = {"enum": [None, *values]}, shown | {"None": "none"}
    return Param(param.value, param.description, **param.schema | listed, values_display=shown)


def stored_choices() -> Choices:
    """Return what `refresh_association_form` has stored; nothing while a task reads the DAG file, which needs no form."""
    if get_parsing_context().dag_id is not None:
        return {}
    found: Choices = Variable.get(CHOICES, default={}, deserialize_json=True)
    return found


def refresh_choices(engine: Engine) -> int:
    """Store what the form offers from now on; return how many choices there are.

    What is unchanged is not written: each new list makes a new version of the DAG.
    """
    now, before = list_choices(engine), Variable.get(CHOICES, default=None, deserialize_json=True)
    if now != before:
        Variable.set(CHOICES, now, description="What the drop-downs of associate_customer offer", serialize_json=True)
    return sum(map(len, now.values()))


def request_of(params: Mapping[str, Any]) -> dict[str, object]:
    """Return the request that a filled-in form stands for, with the fields that were left empty left out."""
    sent = {name: params.get(name) for name in ASSOCIATION_FORM if name not in OWN_FIELDS}
    sent["RevProductIdList"] = [_as_number(one) for one in sent.get("RevProductIdList") or []]
    return {name: value for name, value in sent.items() if value is not None and value != ""}


def check_choice(params: Mapping[str, Any]) -> None:
    """Raise RequestRefused when the choice and the id beside it contradict each other."""
    if params.get("start_with") == EXISTING_CHANGE and params.get("bulk_change_id") is None:
        raise RequestRefused(
            [Refusal(RequestCode.INVALID_REQUEST, "bulk_change_id", "an existing change was chosen; fill in its id")]
        )
    if params.get("bulk_change_id") is not None and params.get("Devices"):
        both = "both a change's id and ICCIDs were filled in; leave one of them empty"
        raise RequestRefused([Refusal(RequestCode.INVALID_REQUEST, "bulk_change_id", both)])


def _as_number(text: object) -> object:
    """Return a line of the form as the number it spells; anything else as it is, for the request's rules to refuse."""
    found = plain_whole(text.strip()) if isinstance(text, str) else None
    return text if found is None else found
