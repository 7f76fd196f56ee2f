"""What the simulated Rev.io knows of the sample world: the mirror's lines, and lines that the mirror has not seen."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from local.sample_data import world
from local.simulators.revio.ledger.seed import Seed

CONNECTIONS = {"northwind": "revio_northwind", "secondary": "revio_secondary"}
"""The Airflow connection of each account."""
ADOPTABLE_FROM, AMBIGUOUS_FROM = 50_001, 60_001
"""Rev.io's ids of the lines that only Rev.io knows."""


def _unset(*names: str) -> str:
    return f"unset {'/'.join(names)}"


def revio_seed(secret: Callable[..., str] = _unset) -> dict[str, Any]:
    """Return the simulator's seed. `secret(account, name)` gives its passwords and keys, which are not kept here."""
    accounts = [_account("northwind", "nwt", secret), _account("secondary", "nws", secret)]
    accounts[0]["customers"] = _customers(world.ACME, world.BOREALIS, world.CLOSED, world.SITELESS, world.TWICE)
    accounts[1]["customers"] = _customers(world.TWICE, world.GULF)
    accounts[0]["services"] = [*known_lines(), *_hidden_lines()]
    return Seed.model_validate({"accounts": accounts}).model_dump(mode="json")


def known_lines() -> list[dict[str, Any]]:
    """Return the lines that both Rev.io and the mirror know: Acme's 200, and those that stand in a request's way."""
    named = [("billed", world.ACME), ("has_active_service", world.ACME), ("other_customer", world.BOREALIS)]
    return [_line(10_000 + number, number, customer) for name, customer in named for number in world.NUMBERS[name]]


def _hidden_lines() -> list[dict[str, Any]]:
    adoptable = [
        _line(ADOPTABLE_FROM + place, number, world.ACME) for place, number in enumerate(world.NUMBERS["adoptable"])
    ]
    twice = [number for number in world.NUMBERS["ambiguous"] for _ in range(2)]
    return adoptable + [_line(AMBIGUOUS_FROM + place, number, world.ACME) for place, number in enumerate(twice)]


def _line(service_id: int, number: int, customer: str) -> dict[str, Any]:
    return {
        "service_id": service_id,
        "customer_id": int(customer),
        "provider_id": world.PROVIDER,
        "service_type_id": world.SERVICE_TYPE,
        "number": world.msisdn(number),
        "number2": world.iccid(number),
        "activated_date": "2026-02-01T00:00:00",
        "created_date": "2026-02-01T08:00:00",
    }


def _customers(*numbers: str) -> list[dict[str, Any]]:
    return [{"customer_id": int(number), "company_name": f"Customer {number}"} for number in numbers]


def _account(name: str, client_code: str, secret: Callable[..., str]) -> dict[str, Any]:
    return {
        "name": name,
        "client_code": client_code,
        "subscription_key": secret(name, "subscription_key"),
        "users": [{"login": "association", "password": secret(name, "association")}],
        "providers": [{"provider_id": world.PROVIDER, "description": world.SOLD_AS[world.PROVIDER]}],
        "service_types": [{"service_type_id": world.SERVICE_TYPE, "description": world.SOLD_AS[world.SERVICE_TYPE]}],
        "packages": [
            {"package_id": world.PACKAGE, "description": world.SOLD_AS[world.PACKAGE], "product_ids": [world.PRODUCT]}
        ],
        "products": [
            {"product_id": world.PRODUCT, "description": world.SOLD_AS[world.PRODUCT], "rate": "4.50"},
            {"product_id": world.SECOND_PRODUCT, "description": world.SOLD_AS[world.SECOND_PRODUCT], "rate": "1.25"},
        ],
        "usage_plan_groups": [
            {"usage_plan_group_id": world.USAGE_PLAN_GROUP, "description": world.SOLD_AS[world.USAGE_PLAN_GROUP]}
        ],
    }
