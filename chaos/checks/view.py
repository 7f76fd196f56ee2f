"""The world, looked up in the ways that checks need; and how a broken promise is told."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property

from chaos.world import Row, World

ENDED = frozenset({"PROCESSED", "PARTIALLY_PROCESSED", "ERROR", "CANCELED"})
FINAL = frozenset({"PROCESSED", "ERROR", "API_FAILED", "CANCELED"})
LineKey = tuple[str, int]
STEP_IN_REASON = re.compile(r"chaos (\d+)")


@dataclass(frozen=True, slots=True)
class Violation:
    """A promise that was broken: which, how, and of which change and SIM."""

    kind: str
    said: str
    change: int | None = None
    iccid: str | None = None


@dataclass(frozen=True, slots=True)
class Line:
    """A line as the vendor keeps it at the end."""

    account: str
    number: int
    customer: str
    sim: str | None
    is_ours: bool
    ended: bool

    @property
    def key(self) -> LineKey:
        """Account and the vendor's number."""
        return self.account, self.number


class View:
    """Look-ups over one world."""

    def __init__(self, world: World) -> None:
        self.world = world

    def table(self, name: str) -> list[Row]:
        """Return a table's rows."""
        return self.world.tables[name]

    @cached_property
    def changes(self) -> dict[int, Row]:
        """The bulk changes of our kind by id."""
        return {one["id"]: one for one in self.table("devicebulkchange") if one["changerequesttypeid"] == 4}

    @cached_property
    def states(self) -> dict[int, Row]:
        """What the product keeps of each change."""
        return {one["bulkchangeid"]: one for one in self.table("change_state")}

    @cached_property
    def rows(self) -> dict[int, list[Row]]:
        """The devices of each change."""
        found: defaultdict[int, list[Row]] = defaultdict(list)
        for one in self.table("m2m_devicechange"):
            if one["bulkchangeid"] in self.changes and not one["isdeleted"]:
                found[one["bulkchangeid"]].append(one)
        return found

    @cached_property
    def processed(self) -> list[Row]:
        """The rows that succeeded, in the order in which they did."""
        found = (one for rows in self.rows.values() for one in rows if one["status"] == "PROCESSED")
        return sorted(found, key=lambda one: (one["processeddate"] or "", one["id"]))

    @cached_property
    def accounts(self) -> dict[int, str]:
        """The vendor's name of each account."""
        return {one["id"]: one["name"] for one in self.table("integration_authentication")}

    @cached_property
    def customers(self) -> dict[str, Row]:
        """The customers by guid."""
        return {one["id"]: one for one in self.table("revcustomer")}

    @cached_property
    def devices(self) -> dict[int, Row]:
        """The devices by id."""
        return {one["id"]: one for one in self.table("device")}

    @cached_property
    def tenancies(self) -> dict[tuple[int, int], Row]:
        """The associations by device and tenant."""
        return {(one["deviceid"], one["tenantid"]): one for one in self.table("device_tenant")}

    @cached_property
    def mirror(self) -> dict[int, Row]:
        """The mirror's rows by their own id."""
        return {one["id"]: one for one in self.table("revservice")}

    @cached_property
    def lines(self) -> dict[LineKey, Line]:
        """The vendor's lines as its journal leaves them."""
        found = {
            (one["account"], one["service_id"]): _line(one["account"], one, ours=False) for one in self.world.seeded
        }
        for entry in self.world.journal:
            service = entry.get("service")
            if service is None:
                continue
            key = (entry["account"], service["service_id"])
            ours = found[key].is_ours if key in found else not entry.get("planted", False)
            found[key] = _line(entry["account"], service, ours=ours)
        return found

    @cached_property
    def asked(self) -> dict[int, Row]:
        """Every question for a change, by the number of its step."""
        return {one["n"]: one for one in self.events("asked", "ask")}

    @cached_property
    def asked_for(self) -> dict[int, Row]:
        """What was asked for each change; one that nobody asked for is missing."""
        return {change: self.asked[n] for change, n in self.steps.items() if n in self.asked}

    @cached_property
    def steps(self) -> dict[int, int]:
        """The step that asked for each change: by its answer, its run, its reason, or the mark on its rows."""
        found: dict[int, int] = {}
        runs = {one["run"]: one["n"] for one in self.events("answered", "ask") if one.get("run")}
        for change in self.changes:
            state, rows = self.states.get(change, {}), self.rows.get(change, [])
            reason = STEP_IN_REASON.fullmatch(state.get("reason") or "")
            mark = STEP_IN_REASON.fullmatch((rows[0]["createdby"] if rows else "").replace(".", " "))
            if state.get("runkey") in runs:
                found[change] = runs[state["runkey"]]
            elif reason or mark:
                found[change] = int((reason or mark)[1])  # type: ignore[index]
        return found | {one["change"]: one["n"] for one in self.events("answered", "ask") if one.get("change")}

    @cached_property
    def reverted(self) -> set[int]:
        """The changes that somebody asked to be reverted, and those that the reverting made."""
        answers = self.events("answered", "revert")
        made = {one["answer"].get("ChangeId") for one in answers if isinstance(one.get("answer"), dict)}
        unanswered = {id_ for id_, one in self.states.items() if (one["reason"] or "").startswith("chaos revert ")}
        return {one["change"] for one in self.events("asked", "revert")} | unanswered | (made - {None})

    @cached_property
    def reverted_devices(self) -> set[int]:
        """The devices of those changes: what they have now is decided by more than the last success."""
        return {one["deviceid"] for change in self.reverted for one in self.rows.get(change, [])}

    def events(self, what: str, kind: str) -> Iterator[Row]:
        """Yield the events of the history of one sort."""
        return (one for one in self.world.history if one["what"] == what and one["kind"] == kind)

    def acted(self, kind: str) -> set[int]:
        """Return the changes for which this was asked, answered or not."""
        return {one["change"] for one in self.events("asked", kind)}


def told(kind: str, found: Iterable[tuple[str, int | None, str | None]]) -> Iterator[Violation]:
    """Yield violations of one kind from what is said, of which change and SIM."""
    return (Violation(kind, said, change, iccid) for said, change, iccid in found)


def _line(account: str, service: Row, *, ours: bool) -> Line:
    return Line(
        account,
        service["service_id"],
        str(service["customer_id"]),
        service.get("number2"),
        ours,
        bool(service.get("disconnected_date")),
    )
