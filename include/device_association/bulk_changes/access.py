"""Who asks: the portal user behind a sign-in name, and what that person may do on module M2M."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import Connection

from device_association.database.execution import Record, record, run
from device_association.domain.codes import RequestCode
from device_association.domain.errors import Refusal, RequestRefused


class Right(StrEnum):
    """What a route asks of its caller; the value is the word that a refusal uses."""

    ACCESS = "access"
    CREATE = "create"
    EDIT = "edit"


@dataclass(frozen=True, slots=True)
class Caller:
    """The portal user who asks, with the tenant and the rights on module M2M."""

    user_id: int
    user_name: str
    tenant_id: int
    parent_tenant_id: int | None
    tenant_name: str
    time_zone: str | None
    can_access: int
    can_create: int
    can_edit: int
    has_customer_list: int
    """Whether the user has or ever had a list of customers, and sees only what is theirs."""

    def may(self, right: Right) -> bool:
        """Whether the caller has a right; none counts without access."""
        has = {Right.ACCESS: self.can_access, Right.CREATE: self.can_create, Right.EDIT: self.can_edit}
        return bool(self.can_access and has[right])

    @property
    def key(self) -> dict[str, object]:
        """The binds by which the statements decide what the caller may see."""
        return {"tenant_id": self.tenant_id, "user_id": self.user_id}


def find_caller(connection: Connection, user_name: str, right: Right = Right.CREATE) -> Caller:
    """Return the portal user with this sign-in name who has the right on M2M, or raise RequestRefused."""
    found = record(connection, "bulk_changes/find_caller", user_name=user_name)
    if found is None or found["user_name"] != user_name:
        raise _denied(f"{user_name} is signed in to Airflow but is no active portal user; ask for a portal account")
    caller = Caller(**found)
    if not caller.may(right):
        raise _denied(f"{user_name} has no {right} permission on module M2M; ask the portal's administrator")
    return caller


def find_visible(connection: Connection, caller: Caller, bulk_change_id: int) -> Record:
    """Return a change as a person sees it; raise RequestRefused where the caller may not see it, as if it were not there."""
    found = record(connection, "bulk_changes/find_visible", bulk_change_id=bulk_change_id, user_id=caller.user_id)
    if found is None:
        said = f"there is no bulk change {bulk_change_id}; check the id"
        raise refused(RequestCode.BULK_CHANGE_NOT_FOUND, said)
    return found


def lock_visible(connection: Connection, caller: Caller, bulk_change_id: int, now: datetime) -> Record:
    """Return a change as nobody else can change it before this transaction ends; a change of the portal's gets its state."""
    seen = find_visible(connection, caller, bulk_change_id)
    run(
        connection,
        "bulk_changes/insert_state",
        bulk_change_id=bulk_change_id,
        retry_number=0,
        run_id=None,
        run_key=None,
        actor=seen["created_by"],
        reason=None,
        now=now,
    )
    run(connection, "bulk_changes/lock_state", bulk_change_id=bulk_change_id)
    return find_visible(connection, caller, bulk_change_id)


def refused(code: RequestCode, message: str) -> RequestRefused:
    """Return the refusal of what is asked of a change."""
    return RequestRefused([Refusal(code, "id", message)])


def _denied(message: str) -> RequestRefused:
    return RequestRefused([Refusal(RequestCode.PERMISSION_DENIED, "user", message)])
