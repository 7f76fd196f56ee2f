"""A small simulated Rev.io for the tests of the simulator: one account, three users, two customers."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import requests

from local.simulators.revio.calls import Call
from local.simulators.revio.ledger.ledger import Ledger
from local.simulators.revio.ledger.seed import Account, Customer, Product, Provider, Seed, User
from local.simulators.revio.server.app import Simulator
from local.simulators.revio.settings import Settings
from local.simulators.revio.vendor.account import SimulatedAccount

USERS = {
    "writer": User(login="writer", password="w"),
    "reader": User(login="reader", password="r", read_only=True),
    "limited": User(login="limited", password="l", customers=[2]),
}
SEED = Seed(
    accounts=[
        Account(
            name="acme",
            client_code="ACM",
            subscription_key="key",
            users=list(USERS.values()),
            customers=[Customer(customer_id=number, company_name=f"Customer {number}") for number in (1, 2)],
            providers=[Provider(provider_id=21, description="Carrier")],
            products=[Product(product_id=31, description="Data", rate=Decimal("2.50"))],
        )
    ]
)


class SimulatorClient:
    """The simulator over real HTTP, as its account's writer and as who controls it."""

    def __init__(self, url: str, simulator: Simulator) -> None:
        self.url, self.simulator = url, simulator
        self.session = requests.Session()
        self.session.auth = ("writer@ACM", "w")
        self.session.headers["Ocp-Apim-Subscription-Key"] = "key"

    def call(self, method: str, path: str, body: Any = None, timeout: float = 5, **query: Any) -> requests.Response:
        return self.session.request(method, f"{self.url}/v1/{path}", json=body, params=query, timeout=timeout)

    def create(self, number2: str = "8901", customer: int = 1, **more: Any) -> requests.Response:
        return self.call("POST", "Services", line(customer, number2), **more)

    def records(self, **query: Any) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.call("GET", "Services", **query).json()["records"]
        return found

    def control(self, method: str, path: str, body: Any = None) -> Any:
        answer = requests.request(method, f"{self.url}/_control/{path}", json=body, timeout=5)
        answer.raise_for_status()
        return answer.json()

    def fault(self, effect: str, **more: Any) -> None:
        self.control("POST", "faults", {"effect": effect} | more)

    def made(self, number2: str = "8901") -> int:
        return len(self.control("GET", f"journal?number2={number2}"))


def as_user(ledger: Ledger, login: str, **settings: Any) -> SimulatedAccount:
    return SimulatedAccount(ledger, "acme", USERS[login], Settings(**settings))


def line(customer: int, number: str = "8901") -> dict[str, Any]:
    return {"customer_id": customer, "provider_id": 21, "number2": number}


def create(body: Any) -> Call:
    return Call("POST", "/v1/Services", {}, body)


def read(path: str, **query: object) -> Call:
    return Call("GET", path, {name: str(value) for name, value in query.items()})
