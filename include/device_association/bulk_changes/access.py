"""Who asks: the portal user behind a sign-in name, and what that person may do on module M2M."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import Connection

from device_association.bulk_changes.locks import insert_state, lock_state
from device_association.database.execution import row
from device_association.domain.codes import RequestCode
from device_association.domain.errors import Refusal, RequestRefused


class Right(StrEnum):
    """What a route asks of its caller; the value is the word that a refusal uses."""

    ACCESS = "access"
    CREATE = "create"
    EDIT = "edit"


@dataclass(frozen=True, slots=True)
class PortalUser:
    """The portal user who asks, with the tenant and the rights on module M2M."""

    user_id: int
    user_name: str
    tenant_id: int
    parent_tenant_id: int | None
    tenant_name: str
    time_zone: str | None
    can_access: bool
    can_create: bool
    can_edit: bool
    has_customer_list: bool
    """Whether the user has or ever had a list of customers, and sees only what is theirs."""

    def may(self, right: Right) -> bool:
        """Whether the caller has a right; none counts without access."""
        has = {Right.ACCESS: self.can_access, Right.CREATE: self.can_create, Right.EDIT: self.can_edit}
        return self.can_access and has[right]

    @property
    def key(self) -> dict[str, object]:
        """The binds by which the statements decide what the caller may see."""
        return {"tenant_id": self.tenant_id, "user_id": self.user_id}


@dataclass(frozen=True, slots=True)
class VisibleChange:
    """A bulk change as a person sees it, with the stop of its retry and what it has to do with a revert."""

    bulk_change_id: int
    status: str
    tenant_id: int
    tenant_name: str
    service_provider_id: int
    service_provider: str
    created_by: str
    created_date: datetime
    processed_date: datetime | None
    status_details: str | None
    retry_number: int
    reason: str | None
    customer_name: str | None
    reverts: int | None
    reverted_by: int | None
    claim_run_id: str | None
    run_key: str | None
    stop_code: str | None
    stop_reason: str | None
    stopped_by: str | None


def find_caller(connection: Connection, user_name: str, right: Right = Right.CREATE) -> PortalUser:
    """Return the portal user with this sign-in name who has the right on M2M, or raise RequestRefused."""
    caller = row(connection, PortalUser, "bulk_changes/find_caller", user_name=user_name)
    if caller is None or caller.user_name != user_name:
        raise _denied(f"{user_name} is signed in to Airflow but is no active portal user; ask for a portal account")
    if not caller.may(right):
        raise _denied(f"{user_name} has no {right} permission on module M2M; ask the portal's administrator")
    return caller


def find_visible(connection: Connection, caller: PortalUser, bulk_change_id: int) -> VisibleChange:
    """Return a change as a person sees it; raise RequestRefused where the caller may not see it, as if it were not there."""
    about = {"bulk_change_id": bulk_change_id, "user_id": caller.user_id}
    found = row(connection, VisibleChange, "bulk_changes/find_visible", **about)
    if found is None:
        text = f"there is no bulk change {bulk_change_id}; check the id"
        raise refused(RequestCode.BULK_CHANGE_NOT_FOUND, text)
    return found


def lock_visible(connection: Connection, caller: PortalUser, bulk_change_id: int, now: datetime) -> VisibleChange:
    """Return a change as nobody else can change it before this transaction ends; a change of the portal's gets its state."""
    seen = find_visible(connection, caller, bulk_change_id)
    insert_state(connection, bulk_change_id, actor=seen.created_by, now=now)
    lock_state(connection, bulk_change_id)
    return find_visible(connection, caller, bulk_change_id)


def refused(code: RequestCode, message: str) -> RequestRefused:
    """Return the refusal of what is asked of a change."""
    return RequestRefused([Refusal(code, "id", message)])


def _denied(message: str) -> RequestRefused:
    return RequestRefused([Refusal(RequestCode.PERMISSION_DENIED, "user", message)])
