"""The request `POST /M2M/AssociateCustomer`, as the portal, the trigger form and the preview send it.

Source of every rule: the domain contract, section 3.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated, Any, TypeVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_pascal
from pydantic_core import PydanticCustomError

from device_association.domain.codes import RequestCode
from device_association.domain.errors import ConfigurationError, Refusal, RequestRefused
from device_association.domain.plain_numbers import PLAIN_DECIMAL

Model = TypeVar("Model", bound=BaseModel)
EARLIEST, LATEST = datetime(1753, 1, 1), datetime(9998, 12, 31)  # noqa: DTZ001 - bounds of a local time; SQL Server's datetime begins in 1753
LIKE_A_DATE = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
UNSTORABLE = re.compile("[\0\ud800-\udfff]")
UNSTORABLE_SAID = "a NUL or half of a surrogate pair is in it, which no database keeps; remove it"


def at_most(units: int) -> AfterValidator:
    """Refuse a text that an nvarchar of this length cannot hold: SQL Server counts a character beyond U+FFFF as two."""

    def check(text: str) -> str:
        if (len(text) if text.isascii() else len(text.encode("utf-16-le", "surrogatepass")) // 2) > units:
            said = "String should have at most {units} characters, an emoji counts as two"
            raise PydanticCustomError("string_too_long", said, {"units": units})
        return text

    return AfterValidator(check)


def _storable(text: str) -> str:
    if UNSTORABLE.search(text):
        raise PydanticCustomError("unstorable", UNSTORABLE_SAID)
    return text


STORABLE = AfterValidator(_storable)
"""Refuses a text that no database keeps."""
Int = Annotated[int, Field(ge=1, le=2**31 - 1, strict=True)]
Iccid = Annotated[str, Field(strict=True), at_most(50)]
Text50 = Annotated[str, at_most(50)]
Text100 = Annotated[str, at_most(100)]
Text500 = Annotated[str, at_most(500)]
Text1000 = Annotated[str, at_most(1000)]
Rate = Annotated[Decimal, PLAIN_DECIMAL, Field(max_digits=25, decimal_places=4, allow_inf_nan=False)]
Flag = Annotated[bool, Field(strict=True)]


def _as_date(sent: object) -> object:
    """Refuse what only looks like a date to a lenient reader: a number, or a text of digits, of seconds since 1970."""
    if isinstance(sent, datetime) or (isinstance(sent, str) and LIKE_A_DATE.match(sent)):
        return sent
    raise PydanticCustomError("datetime_type", "Input should be a date like 2026-12-01T00:00:00Z")


Date = Annotated[datetime, BeforeValidator(_as_date)]
Allocation = Annotated[Decimal, PLAIN_DECIMAL, Field(ge=0, max_digits=25, decimal_places=4, allow_inf_nan=False)]


class AssociateCustomer(BaseModel):
    """One request: which devices go to which customer, with which line and plans. Unknown fields are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, alias_generator=to_pascal, validate_by_name=True)

    service_provider_id: Int
    devices: tuple[Iccid, ...]
    rev_customer_id: Annotated[Text50, Field(min_length=1)]
    create_rev_service: Flag = False
    service_type_id: Int | None = None
    provider_id: Int | None = None
    usage_plan_group_id: Int | None = None
    rev_package_id: Int | None = None
    rev_product_id_list: tuple[Int, ...] = ()
    rate_list: tuple[Rate, ...] = ()
    prorate: Flag = False
    description: Text1000 = ""
    effective_date: Date | None = None
    activated_date: Date | None = None
    add_carrier_rate_plan: Flag = False
    carrier_rate_plan: Text50 | None = None
    comm_plan: Text100 | None = None
    add_customer_rate_plan: Flag = False
    customer_rate_plan: Annotated[str, Field(pattern=r"^[0-9]{1,9}$")] | None = None
    customer_rate_pool: Annotated[str, Field(pattern=r"^[0-9]{1,9}$")] | None = None
    customer_data_allocation_mb: Annotated[Allocation | None, Field(alias="CustomerDataAllocationMB")] = None
    reason: Text500 | None = None

    @property
    def iccids(self) -> tuple[str, ...]:
        """The ICCIDs, trimmed, each once, in the order of the request; of two that SQL Server takes as equal a valid one."""
        kept: dict[str, str] = {}
        for iccid in map(str.strip, self.devices):
            key = _folded(iccid)
            if key not in kept or (is_iccid(iccid) and not is_iccid(kept[key])):
                kept[key] = iccid
        return tuple(kept.values())

    @property
    def customer_rate_plan_id(self) -> int | None:
        """The customer rate plan as a number."""
        return int(self.customer_rate_plan) if self.customer_rate_plan else None

    @property
    def customer_rate_pool_id(self) -> int | None:
        """The customer rate pool as a number."""
        return int(self.customer_rate_pool) if self.customer_rate_pool else None


def parse_request(sent: Mapping[str, object], *, max_devices: int) -> AssociateCustomer:
    """Return the request, or raise RequestRefused that names every field that is wrong and what it must be."""
    request = read_fields(AssociateCustomer, sent)
    wrong = [*_size(request, max_devices), *_dates(request), *_unstorable(request)]
    if wrong:
        raise RequestRefused(wrong)
    return request


def read_fields(model: type[Model], sent: Mapping[str, object]) -> Model:
    """Return what was sent as a model, or raise RequestRefused that names every field that is wrong."""
    try:
        return model.model_validate(sent)
    except ValidationError as error:
        raise RequestRefused([_refusal(detail) for detail in error.errors()]) from None


def tenant_zone(name: str | None) -> ZoneInfo:
    """Return a tenant's time zone, UTC where it names none; raise ConfigurationError where there is no such zone."""
    try:
        return ZoneInfo(name or "UTC")
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ConfigurationError(
            f"the tenant's TimeZone is {name!r}, which is not the name of a time zone; correct it in the table Tenant: "
            "an IANA name like America/New_York, or none for UTC"
        ) from None


def local_to_utc(moment: datetime, zone: str | None) -> datetime:
    """Return the instant in UTC; a time without a zone is the tenant's local time (no zone known: UTC)."""
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=tenant_zone(zone))
    return moment.astimezone(UTC)


def times_that_never_were(request: AssociateCustomer, zone: str | None) -> list[Refusal]:
    """Return the dates of a request that the tenant's clocks skipped when they were put forward."""
    dates = {"EffectiveDate": request.effective_date, "ActivatedDate": request.activated_date}
    said = f"this hour was skipped in {zone} when the clocks were put forward; send another, or one with its zone"
    return [
        Refusal(RequestCode.INVALID_REQUEST, field, said)
        for field, moment in dates.items()
        if moment is not None and moment.tzinfo is None and not _was_there(moment, zone)
    ]


def is_storable(moment: datetime) -> bool:
    """Whether both databases can keep the date: SQL Server's old `datetime` begins in 1753."""
    return EARLIEST <= moment.replace(tzinfo=None) <= LATEST


def is_iccid(text: str) -> bool:
    """Whether the text has the shape of an ICCID: 18 to 22 ASCII digits."""
    return 18 <= len(text) <= 22 and text.isascii() and text.isdigit()


def _was_there(moment: datetime, zone: str | None) -> bool:
    back = local_to_utc(moment, zone).astimezone(tenant_zone(zone))
    return back.replace(tzinfo=None, fold=0) == moment.replace(fold=0)


def _folded(iccid: str) -> str:
    """Return what SQL Server's usual collation compares: not case, nor width, nor characters that it does not know."""
    if iccid.isascii() and iccid.isdigit():
        return iccid
    compatible = unicodedata.normalize("NFKC", iccid).casefold()
    return "".join(one for one in compatible if one <= "\uffff" and unicodedata.category(one)[0] != "C").strip()


def luhn_holds(digits: str) -> bool:
    """Whether the last digit is the Luhn check digit of the others (ITU-T E.118); a warning only."""
    total = 0
    for position, digit in enumerate(reversed(digits)):
        value = int(digit) * (2 if position % 2 else 1)
        total += value - 9 if value > 9 else value
    return total % 10 == 0


def _size(request: AssociateCustomer, max_devices: int) -> Iterable[Refusal]:
    if not request.iccids:
        yield Refusal(RequestCode.NO_DEVICES, "Devices", "no ICCID was given; name at least one device")
    if len(request.devices) > max_devices:
        yield Refusal(
            RequestCode.TOO_MANY_DEVICES,
            "Devices",
            f"{len(request.devices)} devices were sent, {max_devices} are the most; split the request",
        )


def _dates(request: AssociateCustomer) -> Iterable[Refusal]:
    for field, moment in (("EffectiveDate", request.effective_date), ("ActivatedDate", request.activated_date)):
        if moment is not None and not is_storable(moment):
            yield Refusal(
                RequestCode.INVALID_REQUEST, field, f"{moment.isoformat()} is outside 1753 to 9998; send a real date"
            )


def _unstorable(request: AssociateCustomer) -> Iterable[Refusal]:
    for name, field in AssociateCustomer.model_fields.items():
        value = getattr(request, name)
        texts = value if isinstance(value, tuple) else (value,)
        if any(isinstance(text, str) and UNSTORABLE.search(text) for text in texts):
            yield Refusal(RequestCode.INVALID_REQUEST, str(field.alias), UNSTORABLE_SAID)


def _refusal(detail: Any) -> Refusal:
    field = ".".join(str(part) for part in detail["loc"]) or "body"
    if detail["type"] == "extra_forbidden":
        return Refusal(RequestCode.INVALID_REQUEST, field, "this field is not known; remove it")
    if detail["type"] == "missing":
        return Refusal(RequestCode.INVALID_REQUEST, field, "this field is required")
    shown = json.dumps(detail.get("input"), default=str)[:80]
    return Refusal(RequestCode.INVALID_REQUEST, field, f"{detail['msg']}; {shown} was sent")
