"""What the simulated Rev.io holds when it starts: the models of the seed file.

Build a `Seed`, write `seed.model_dump_json()` to a file, and start the simulator with `--seed-file`. Ids are Rev.io's
own; a service or product on a line without one is given the next free id. Dates have no zone and are read as UTC.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

Int32 = Annotated[int, Field(ge=1, le=2**31 - 1)]
ProductStatus = Literal["PENDING", "ACTIVE", "DENIED", "DISCONNECTED"]


def as_naive_utc(moment: datetime) -> datetime:
    """Return the moment in UTC without its zone, which is how Rev.io's dates travel."""
    return moment.astimezone(UTC).replace(tzinfo=None) if moment.tzinfo else moment


Moment = Annotated[datetime, AfterValidator(as_naive_utc)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid")


class User(_Part):
    """Somebody who signs in as `login@client_code`; `customers` limits what the user sees and writes, null is all."""

    login: str = Field(min_length=1, pattern="^[^@:]+$")
    password: str = Field(min_length=1)
    read_only: bool = False
    customers: list[Int32] | None = None


class Customer(_Part):
    """A customer with the personal data and the security PIN that Rev.io hands out with it."""

    customer_id: Int32
    company_name: str
    status: str = "OPEN"
    close_date: Moment | None = None
    parent_customer_id: Int32 | None = None
    account_number: str | None = None
    email: str = "billing@example.com"
    first_name: str = "Pat"
    last_name: str = "Example"
    line_1: str = "1 Example Street"
    security_pin: str = "1234"


class Provider(_Part):
    """A carrier, as Rev.io knows it."""

    provider_id: Int32
    description: str


class ServiceType(_Part):
    """A kind of service line."""

    service_type_id: Int32
    description: str


class Product(_Part):
    """Something that can be billed on a line."""

    product_id: Int32
    description: str
    rate: Decimal = Decimal(0)


class Package(_Part):
    """A package; a service created with it gets its products without further calls."""

    package_id: Int32
    description: str
    product_ids: list[Int32] = []


class UsagePlanGroup(_Part):
    """A usage plan group."""

    usage_plan_group_id: Int32
    description: str


class Service(_Part):
    """A service line; active while `disconnected_date` is empty or in the future."""

    service_id: Int32 | None = None
    customer_id: Int32
    provider_id: Int32
    service_type_id: Int32 | None = None
    package_id: Int32 | None = None
    number: str | None = Field(None, max_length=255)
    number2: str | None = Field(None, max_length=255)
    usage_plan_group_id: Int32 | None = None
    provider_account_id: Int32 | None = None
    description: str | None = Field(None, max_length=1000)
    effective_date: Moment | None = None
    activated_date: Moment | None = None
    disconnected_date: Moment | None = None
    created_date: Moment | None = None


class ServiceProduct(_Part):
    """A product on a line."""

    service_product_id: Int32 | None = None
    service_id: Int32
    product_id: Int32
    customer_id: Int32
    package_id: Int32 | None = None
    rate: Decimal = Decimal(0)
    quantity: int = 1
    status: ProductStatus = "ACTIVE"
    generate_proration: bool = False
    effective_date: Moment | None = None
    activated_date: Moment | None = None
    disconnected_date: Moment | None = None
    created_date: Moment | None = None


class Account(_Part):
    """One Rev.io account with everything in it; `name` is only how the control API and the journal call it."""

    name: str = Field(min_length=1)
    client_code: str = Field(min_length=1, pattern="^[^@:]+$")
    subscription_key: str = Field(min_length=1)
    users: list[User] = []
    customers: list[Customer] = []
    providers: list[Provider] = []
    service_types: list[ServiceType] = []
    packages: list[Package] = []
    products: list[Product] = []
    usage_plan_groups: list[UsagePlanGroup] = []
    services: list[Service] = []
    service_products: list[ServiceProduct] = []

    @model_validator(mode="after")
    def _is_consistent(self) -> Account:
        _unique(f"account {self.name}: login", (user.login for user in self.users))
        _unique(f"account {self.name}: customer_id", (one.customer_id for one in self.customers))
        _unique(f"account {self.name}: service_id", (one.service_id for one in self.services if one.service_id))
        known = {one.customer_id for one in self.customers}
        _known(f"account {self.name}: a service's customer_id", (one.customer_id for one in self.services), known)
        lines = {one.service_id for one in self.services}
        _known(f"account {self.name}: a product's service_id", (one.service_id for one in self.service_products), lines)
        return self


class Seed(_Part):
    """Everything the simulator starts with."""

    accounts: list[Account] = []

    @model_validator(mode="after")
    def _accounts_differ(self) -> Seed:
        _unique("account name", (one.name for one in self.accounts))
        _unique("subscription_key", (one.subscription_key for one in self.accounts))
        return self


def _unique(what: str, values: Iterable[object]) -> None:
    seen: set[object] = set()
    for value in values:
        if value in seen:
            raise ValueError(f"{what} {value!r} is there twice" if what != "subscription_key" else f"{what} used twice")
        seen.add(value)


def _known(what: str, values: Iterable[object], known: set[int] | set[int | None]) -> None:
    missing = sorted({str(value) for value in values if value not in known})
    if missing:
        raise ValueError(f"{what} is unknown: {', '.join(missing[:5])}")
