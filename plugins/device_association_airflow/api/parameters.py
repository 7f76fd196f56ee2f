"""The parameters of the portal's addresses; an unknown one is refused like an unknown field of a body."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import Path
from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_pascal

from device_association.domain.association_request import STORABLE, at_most, is_storable
from device_association.domain.codes import ChangeStatus, DeviceChangeStatus
from device_association.domain.encoding import BIGGEST_ID
from device_association.domain.plain_numbers import PLAIN_WHOLE
from device_association.findings.store import FindingKind
from device_association.maintenance.letter_store import State


def _in_time(moment: datetime) -> datetime:
    if moment.tzinfo is None or not is_storable(moment):
        raise ValueError("send a date with its zone, between 1753 and 9998")
    return moment


Text = Annotated[str, Field(min_length=1), at_most(200), STORABLE]
Moment = Annotated[datetime, AfterValidator(_in_time)]
Id = Annotated[int, PLAIN_WHOLE, Field(ge=1, le=BIGGEST_ID)]
Int32 = Annotated[int, PLAIN_WHOLE, Field(ge=1, le=2**31 - 1)]
Iccid = Annotated[str, Path(pattern="^[0-9]{18,22}$", description="18 to 22 digits.")]
ChangeId = Annotated[int, PLAIN_WHOLE, Path(ge=1, le=BIGGEST_ID, description="The id of a bulk change.")]


class Parameters(BaseModel):
    """Parameters in PascalCase; no other is taken."""

    model_config = ConfigDict(extra="forbid", alias_generator=to_pascal, frozen=True)


class Paged(Parameters):
    """Where a page begins (behind `After`, the `Next` of the page before) and how long it is."""

    after: Annotated[int, PLAIN_WHOLE, Field(ge=0, le=BIGGEST_ID)] = 0
    limit: Annotated[int, PLAIN_WHOLE, Field(ge=1, le=500)] = 50


class ChangeFilters(Parameters):
    """Which changes are listed: `Customer` is a part of a name or number, `Before` the `Next` of the page before."""

    status: ChangeStatus | None = None
    created_by: Text | None = None
    customer: Text | None = None
    since: Moment | None = None
    until: Moment | None = None
    before: Id | None = None
    limit: Annotated[int, PLAIN_WHOLE, Field(ge=1, le=200)] = 50


class DeviceFilters(Paged):
    """Which devices of a change are listed."""

    status: DeviceChangeStatus | None = None
    code: Annotated[str, Field(pattern=r"^[A-Z0-9_]{1,50}$")] | None = None


class FindingFilters(Parameters):
    """Which findings are meant; without `OpenOnly=false` those that are still there."""

    kind: FindingKind | None = None
    open_only: bool = True


class FindingPage(FindingFilters):
    """The findings of one page; `Before` is the `Next` of the page before."""

    before: Id | None = None
    limit: Annotated[int, PLAIN_WHOLE, Field(ge=1, le=500)] = 50


class LetterFilters(Parameters):
    """Which dead letters are listed; `Before` is the `Next` of the page before."""

    state: State | None = None
    before: Id | None = None
    limit: Annotated[int, PLAIN_WHOLE, Field(ge=1, le=200)] = 50
