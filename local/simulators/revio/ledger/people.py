"""What a person at the vendor does with lines by hand: each deed is an entry of the journal with `by: person`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, model_validator

from local.simulators.revio.ledger.ledger import Kind, Ledger
from local.simulators.revio.ledger.records import RawRecord
from local.simulators.revio.ledger.seed import Int32, Moment, Service, as_naive_utc

Does = Literal["makes", "moves", "renumbers", "swaps_sim", "disconnects", "reactivates", "deletes"]
NEEDS: dict[Does, str] = {"makes": "service", "moves": "customer_id", "swaps_sim": "number2"}
KINDS: dict[Does, Kind] = {
    "moves": "service_moved",
    "renumbers": "service_renumbered",
    "swaps_sim": "service_sim_swapped",
    "disconnects": "service_disconnected",
    "reactivates": "service_reactivated",
    "deletes": "service_deleted",
}


class Deed(BaseModel):
    """One thing that a person does.

    | does | needs | what |
    | --- | --- | --- |
    | `makes` | `service` | a new line, visible at once |
    | `moves` | `line`, `customer_id` | to another customer |
    | `renumbers` | `line`, `number` and/or `number2` (null empties it) | another number |
    | `swaps_sim` | `line`, `number2` | another SIM |
    | `disconnects` | `line`, `on` (UTC, also in the future; left out: now) | the end of the line; products stay |
    | `reactivates` | `line` | no end any more |
    | `deletes` | `line` (or a raw record's key) | gone, as if it had never been there |
    """

    model_config = ConfigDict(extra="forbid")

    does: Does
    account: str
    line: int | None = None
    service: Service | None = None
    customer_id: Int32 | None = None
    number: str | None = None
    number2: str | None = None
    on: Moment | None = None

    @model_validator(mode="after")
    def _is_complete(self) -> Self:
        needed = NEEDS.get(self.does)
        if needed and getattr(self, needed) is None:
            raise ValueError(f"{self.does} needs {needed}")
        if self.does != "makes" and self.line is None:
            raise ValueError(f"{self.does} needs line")
        if self.does == "renumbers" and not {"number", "number2"} & self.model_fields_set:
            raise ValueError("renumbers needs number or number2")
        return self


def carry_out(ledger: Ledger, deed: Deed) -> int:
    """Do a person's deed and return the id of the line; raises LookupError where the account or line is not there."""
    store = ledger.accounts[deed.account]
    if deed.service is not None and deed.does == "makes":
        return int(ledger.create_service(deed.account, deed.service, by="person").service_id or 0)
    before = store.shown[deed.line or 0]
    if isinstance(before, RawRecord):
        if deed.does != "deletes":
            raise LookupError(f"line {deed.line} is a raw record: a person can only delete it")
        ledger.delete_record(deed.account, before, by="person")
        return before.key
    after = before.model_copy(update=_changed(deed, ledger))
    ledger.change_service(deed.account, KINDS[deed.does], before, after, by="person")
    return int(before.service_id or 0)


def carry_out_all(ledger: Ledger, deeds: Iterable[Deed]) -> None:
    """Do what a rule of the fault plan lets people do; what can't be done (the line is gone) is skipped."""
    for deed in deeds:
        try:
            carry_out(ledger, deed)
        except (LookupError, ValueError):
            continue


def _changed(deed: Deed, ledger: Ledger) -> dict[str, Any]:
    match deed.does:
        case "moves":
            return {"customer_id": deed.customer_id}
        case "renumbers":
            return {name: getattr(deed, name) for name in ("number", "number2") if name in deed.model_fields_set}
        case "swaps_sim":
            return {"number2": deed.number2}
        case "disconnects":
            return {"disconnected_date": deed.on or as_naive_utc(ledger.now())}
        case "reactivates":
            return {"disconnected_date": None}
    return {}
