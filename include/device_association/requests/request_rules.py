"""The rules that refuse a whole request, decided once for the portal, the trigger form and the running change.

What must match exactly is compared here: a database may take texts that differ in case or trailing blanks as equal.

Source: the domain contract, section 3. `find_customer` and `find_facts` ask the database, `refusals` decides.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import Connection

from device_association.bulk_changes.access import PortalUser
from device_association.database.execution import row, rows, values
from device_association.domain.codes import RequestCode
from device_association.domain.errors import Refusal, RequestRefused
from device_association.requests.change_spec import ChangeSpec
from device_association.revio.responses import spelled_id


@dataclass(frozen=True, slots=True)
class Customer:
    """A Rev customer with its account and its active site in the tenant."""

    customer_id: UUID
    number: str
    name: str
    status: str | None
    close_date: datetime | None
    account_id: int | None
    site_id: int | None
    is_accessible: bool

    def is_closed(self, now: datetime) -> bool:
        """Whether the customer is closed: by status, or by a close date that has come."""
        return (self.status or "").upper() == "CLOSED" or (self.close_date is not None and self.close_date <= now)

    def __str__(self) -> str:
        return f"customer {self.number} ({self.name})"


@dataclass(frozen=True, slots=True)
class FactRow:
    """What the database knows of the things that a request names; counts are 0 where a thing is unknown.

    `provider_writes`: 1 where writes are disabled for the service provider, 2 where they are enabled; None: not the tenant's.
    """

    provider_writes: int | None
    service_types: int
    providers: int
    packages: int
    usage_plan_groups: int
    customer_rate_plans: int
    customer_rate_pools: int
    carrier_rate_plan: str | None


@dataclass(frozen=True, slots=True)
class Facts(FactRow):
    """As FactRow, with the ids of the products that the customer's Rev.io account has."""

    products: frozenset[int]


def find_customer(connection: Connection, caller: PortalUser, rev_customer_id: str) -> Customer:
    """Return the one customer of the caller's tenant with this guid, or with this Rev.io number; else RequestRefused."""
    guid = _as_uuid(rev_customer_id)
    if guid is not None:
        found = rows(connection, Customer, "requests/find_by_id", customer_id=guid, **caller.key)
    else:
        alike = rows(connection, Customer, "requests/find_by_number", number=rev_customer_id, **caller.key)
        found = [one for one in alike if one.number == rev_customer_id]
    if not found:
        raise _refused(RequestCode.CUSTOMER_NOT_FOUND, f"no customer {rev_customer_id} in tenant {caller.tenant_name}")
    if len(found) > 1:
        accounts = ", ".join(sorted(str(one.account_id) for one in found))
        raise _refused(
            RequestCode.CUSTOMER_AMBIGUOUS,
            f"number {rev_customer_id} exists in the Rev.io accounts {accounts}; send the customer's guid instead",
        )
    customer = found[0]
    if not customer.is_accessible:
        raise _refused(
            RequestCode.CUSTOMER_NOT_ACCESSIBLE, f"{caller.user_name} may not use {customer}; ask for access to it"
        )
    return customer


def find_facts(
    connection: Connection, terms: ChangeSpec, *, tenant_id: int, service_provider_id: int, account_id: int | None
) -> Facts:
    """Return what the database knows of everything that the terms name."""
    found = row(
        connection,
        FactRow,
        "requests/find_facts",
        tenant_id=tenant_id,
        service_provider_id=service_provider_id,
        account_id=account_id,
        service_type_id=terms.service_type_id,
        provider_id=terms.provider_id,
        rev_package_id=terms.rev_package_id,
        usage_plan_group_id=terms.usage_plan_group_id,
        customer_rate_plan_id=terms.customer_rate_plan_id,
        customer_rate_pool_id=terms.customer_rate_pool_id,
        carrier_rate_plan=terms.carrier_rate_plan,
    )
    if found is None:
        raise RequestRefused([Refusal("INVALID_REQUEST", "TenantId", f"there is no tenant {tenant_id}")])
    products = values(connection, "requests/list_products", account_id=account_id) if terms.rev_product_id_list else []
    return Facts(**asdict(found), products=frozenset(products))


def refusals(terms: ChangeSpec, customer: Customer, facts: Facts, *, tenant: str, now: datetime) -> list[Refusal]:
    """Return every reason why this request must be refused as a whole; empty when it may go on."""
    found = [*_about_customer(terms, customer, tenant, now), *_about_provider(facts)]
    if terms.create_rev_service and customer.account_id is not None:
        found += _about_line(terms, facts)
    if terms.add_customer_rate_plan:
        found += _about_customer_rate_plan(terms, facts)
    if terms.add_carrier_rate_plan:
        found += _about_carrier_rate_plan(terms, facts)
    return found


def _about_customer(terms: ChangeSpec, customer: Customer, tenant: str, now: datetime) -> Iterator[Refusal]:
    if customer.is_closed(now):
        yield _customer(RequestCode.CUSTOMER_CLOSED, f"{customer} is closed; reopen it in Rev.io or choose another")
    if customer.site_id is None:
        yield _customer(
            RequestCode.CUSTOMER_HAS_NO_SITE,
            f"{customer} has no active site in tenant {tenant}; create the site in the portal, then send it again",
        )
    if terms.create_rev_service and customer.account_id is None:
        yield _customer(
            RequestCode.CUSTOMER_HAS_NO_REV_ACCOUNT,
            f"{customer} has no Rev.io account; turn CreateRevService off or give the customer an account",
        )
    elif terms.create_rev_service and spelled_id(customer.number) is None:
        yield _customer(
            RequestCode.CUSTOMER_HAS_NO_REV_ACCOUNT,
            f"{customer} has number {customer.number!r}, which is not one that Rev.io gives its customers; correct the "
            "customer in the portal or turn CreateRevService off",
        )


def _about_provider(facts: Facts) -> Iterator[Refusal]:
    if facts.provider_writes is None:
        yield Refusal(
            RequestCode.SERVICE_PROVIDER_NOT_FOUND,
            "ServiceProviderId",
            "this service provider is not one of your tenant's; choose one of the list",
        )


def _about_line(terms: ChangeSpec, facts: Facts) -> Iterator[Refusal]:
    yield from _known(
        terms.service_type_id, facts.service_types, "ServiceTypeId", "UNKNOWN_SERVICE_TYPE", "SERVICE_TYPE_REQUIRED"
    )
    yield from _known(terms.provider_id, facts.providers, "ProviderId", "UNKNOWN_PROVIDER", "PROVIDER_REQUIRED")
    yield from _known(terms.rev_package_id, facts.packages, "RevPackageId", "UNKNOWN_PACKAGE")
    yield from _known(
        terms.usage_plan_group_id, facts.usage_plan_groups, "UsagePlanGroupId", "UNKNOWN_USAGE_PLAN_GROUP"
    )
    unknown = [product for product in terms.rev_product_id_list if product not in facts.products]
    if unknown:
        yield Refusal("UNKNOWN_PRODUCT", "RevProductIdList", f"the customer's Rev.io account has no products {unknown}")
    if len(set(terms.rev_product_id_list)) < len(terms.rev_product_id_list):
        yield Refusal(RequestCode.INVALID_REQUEST, "RevProductIdList", "a product is named twice; name each once")
    if terms.rev_package_id is not None and terms.rev_product_id_list:
        yield Refusal(
            "PACKAGE_AND_PRODUCTS", "RevProductIdList", "a package brings its products; send either it or products"
        )
    if len(terms.rate_list) != len(terms.rev_product_id_list):
        yield Refusal(
            "RATE_LIST_MISMATCH",
            "RateList",
            f"{len(terms.rate_list)} rates for {len(terms.rev_product_id_list)} products; send one rate a product",
        )


def _about_customer_rate_plan(terms: ChangeSpec, facts: Facts) -> Iterator[Refusal]:
    if terms.customer_rate_plan_id is None and terms.customer_rate_pool_id is None:
        yield Refusal(
            RequestCode.UNKNOWN_CUSTOMER_RATE_PLAN,
            "CustomerRatePlan",
            "AddCustomerRatePlan is on but neither a plan nor a pool was sent",
        )
    yield from _known(
        terms.customer_rate_plan_id, facts.customer_rate_plans, "CustomerRatePlan", "UNKNOWN_CUSTOMER_RATE_PLAN"
    )
    yield from _known(
        terms.customer_rate_pool_id, facts.customer_rate_pools, "CustomerRatePool", "UNKNOWN_CUSTOMER_RATE_POOL"
    )


def _about_carrier_rate_plan(terms: ChangeSpec, facts: Facts) -> Iterator[Refusal]:
    if facts.provider_writes == 1:
        yield Refusal(
            RequestCode.CARRIER_WRITES_DISABLED,
            "AddCarrierRatePlan",
            "writes are disabled for this service provider; turn AddCarrierRatePlan off or have them enabled",
        )
    yield from _known(
        terms.carrier_rate_plan,
        int(facts.carrier_rate_plan == terms.carrier_rate_plan),
        "CarrierRatePlan",
        "UNKNOWN_CARRIER_RATE_PLAN",
        "UNKNOWN_CARRIER_RATE_PLAN",
    )


def _known(
    value: object, count: int, field: str, unknown_code: str, missing_code: str | None = None
) -> Iterator[Refusal]:
    if value is None:
        if missing_code:
            yield Refusal(missing_code, field, "a value is required here; choose one of the list")
    elif not count:
        yield Refusal(
            unknown_code, field, f"{value} is not known here, is inactive or belongs elsewhere; choose one of the list"
        )


def _as_uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


def _customer(code: RequestCode, message: str) -> Refusal:
    return Refusal(code, "RevCustomerId", message)


def _refused(code: RequestCode, message: str) -> RequestRefused:
    return RequestRefused([_customer(code, message)])
