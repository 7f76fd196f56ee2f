"""The world, looked up in the ways that checks need."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import cached_property

from chaos.checks.sims import keys_of_device, sim_key
from chaos.checks.stories import Line, LineKey, Story, by_sim, moment, read_stories
from chaos.records.world import Row, World

ENDED = frozenset({"PROCESSED", "PARTIALLY_PROCESSED", "ERROR", "CANCELED"})
FINAL = frozenset({"PROCESSED", "ERROR", "API_FAILED", "CANCELED"})
FOR_EVER = datetime(9999, 1, 1, tzinfo=UTC)
STEP_IN_REASON = re.compile(r"chaos (\d+)")


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
        """The devices of each change but the old worker's."""
        found: defaultdict[int, list[Row]] = defaultdict(list)
        ours = self.changes.keys() - self.taken_changes
        for one in self.table("m2m_devicechange"):
            if one["bulkchangeid"] in ours and not one["isdeleted"]:
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
        return {
            key: Line(
                story.account,
                story.number,
                story.end.customer,
                record.get("number2"),
                story.is_ours,
                not story.end.is_active,
            )
            for key, story in self.stories.items()
            if (record := story.end.record) is not None and not story.is_raw
        }

    @cached_property
    def stories(self) -> dict[LineKey, Story]:
        """What the vendor's journal tells of each line, by account and number."""
        return read_stories(self.world)

    def stories_of(self, iccid: str) -> list[Story]:
        """Return the lines and raw records that ever were this SIM's, in any spelling."""
        return self.stories_by_keys(self.keys_of_sim(iccid))

    def stories_by_keys(self, keys: set[str]) -> list[Story]:
        """Return the lines and raw records that ever had one of these keys."""
        found = {id(story): story for key in keys for story in self._by_sim.get(key, [])}
        return list(found.values())

    def keys_of_sim(self, iccid: str) -> set[str]:
        """Return the keys of a SIM and of its device's telephone number."""
        return keys_of_device(iccid, self._phones.get(sim_key(iccid) or iccid))

    def is_touched(self, iccid: str) -> bool:
        """Whether a person had to do with a line of this SIM."""
        return any(story.is_touched for story in self.stories_of(iccid))

    @cached_property
    def is_reconciled(self) -> bool:
        """Whether reconciliation ended well once all was over."""
        return any(self.events("reconciled", "success"))

    def is_found(self, iccid: str | None, lines: set[LineKey]) -> bool:
        """Whether a finding names this SIM or one of these lines."""
        return (sim_key(iccid) or iccid or "") in self._found[0] or not lines.isdisjoint(self._found[1])

    @cached_property
    def _found(self) -> tuple[set[str], set[LineKey]]:
        findings = self.world.tables.get("finding", [])
        sims = {sim_key(one["iccid"]) or one["iccid"] for one in findings if one["iccid"]}
        accounts = self.accounts
        return sims, {
            (accounts[one["integrationauthenticationid"]], one["revserviceid"])
            for one in findings
            if one["integrationauthenticationid"] in accounts and one["revserviceid"]
        }

    @cached_property
    def _by_sim(self) -> dict[str, list[Story]]:
        return by_sim(self.stories.values())

    @cached_property
    def _phones(self) -> dict[str, str | None]:
        return {sim_key(one["iccid"]) or one["iccid"]: one.get("msisdn") for one in self.table("device")}

    @cached_property
    def rows_of_sim(self) -> dict[str | None, list[Row]]:
        """The devices of all changes by their SIM."""
        found: defaultdict[str | None, list[Row]] = defaultdict(list)
        for rows in self.rows.values():
            for row in rows:
                found[sim_key(row["iccid"])].append(row)
        return found

    def whose(self, change: int, iccid: str) -> Row | None:
        """Return for whom a change was asked for this SIM: number, account and guid of the customer; None: not asked."""
        asked = self.asked_for.get(change)
        return None if asked is None else whose(self, asked, iccid)

    @cached_property
    def blind_spans(self) -> list[tuple[datetime, datetime]]:
        """When the vendor began and ceased to answer a filter with nothing, for a while in the middle of the run."""
        ends = {one["n"]: moment(one["at"]) for one in self.events("struck", "filters lie")}
        lies = (one for one in self.events("fault", "filters lie") if one["setting"] == "empty_filters")
        return [(moment(one["at"]), ends.get(one["n"], FOR_EVER)) for one in lies]

    @cached_property
    def deleted_changes(self) -> set[int]:
        """The changes that somebody deleted softly: they need not end, but nothing of them may be left behind."""
        return {change for change, row in self.changes.items() if row.get("isdeleted")}

    @cached_property
    def taken_changes(self) -> set[int]:
        """The changes that the old worker began and ended, and that nobody has retried: they are no business of ours."""
        taken = {one["change"] for one in self.events("taken", "change")}
        return {change for change in taken if not self.states.get(change, {}).get("retrynumber")}

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


def whose(view: View, asked: Row, iccid: str) -> Row:
    """Return for whom a question asked for one SIM; a change of several customers says so for each of its devices."""
    found: Row = asked.get("others", {}).get(iccid, asked)
    return {name: found[name] for name in ("customer", "account", "customer_id")} | {
        "account_name": view.accounts.get(found["account"])
    }
