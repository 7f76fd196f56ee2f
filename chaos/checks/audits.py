"""What the product wrote down is what the witness saw; who has a device is who asked for it last."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator

from chaos.checks.view import View, whose
from chaos.checks.violations import Violation
from chaos.records.world import Row

WATCHED = {"device_tenant", "device"}
BY_LINKS = frozenset({"UPDATE_DEVICE_REV_SERVICE_LINKS", "reconciliation"})
Entry = tuple[int, str, str | None, str | None]
"""Device, field in small letters, what it was, what it became."""


def one_history_row_a_changed_field(view: View) -> Iterator[Violation]:
    """Each change of a field that the witness saw is in the history exactly once, and nothing else is."""
    seen, written, changes = _seen(view), Counter[Entry](), dict[Entry, int]()
    for row in view.table("deviceactionhistory"):
        entry = (row["m2mdeviceid"], row["changedfield"].lower(), row["previousvalue"], row["currentvalue"])
        written[entry] += 1
        changes[entry] = row["bulkchangeid"]
    for entry in seen.keys() | written.keys():
        device, field, old, new = entry
        if written[entry] == seen[entry]:
            continue
        iccid = view.devices.get(device, {}).get("iccid")
        kind = "history row missing" if written[entry] < seen[entry] else "history row too many"
        said = f"{iccid}: {field} became {new} (was {old}) {seen[entry]} times, the history has {written[entry]} rows"
        yield Violation(kind, said, changes.get(entry), iccid)


def history_is_of_successes(view: View) -> Iterator[Violation]:
    """Only a device that succeeded was changed, and for the customer of the request."""
    succeeded = {(row["bulkchangeid"], row["deviceid"]) for row in view.processed}
    for row in view.table("deviceactionhistory"):
        change, device = row["bulkchangeid"], row["m2mdeviceid"]
        asked = view.asked_for.get(change)
        if change in view.reverted or asked is None:
            continue
        if (change, device) not in succeeded:
            said = f"change {change} changed {row['changedfield']} of {row['iccid']}, which did not succeed"
            yield Violation("failure left a trace", said, change, row["iccid"])
        right = whose(view, asked, row["iccid"])["customer"]
        if row["changedfield"] == "AccountNumber" and row["currentvalue"] != right:
            said = f"change {change} gave {row['iccid']} to {row['currentvalue']}; {right} was asked for"
            yield Violation("customer unasked", said, change, row["iccid"])


def nobody_has_a_device_unasked(view: View) -> Iterator[Violation]:
    """A device is only given to a customer for whom it was asked, by a change that somebody asked for."""
    wanted: defaultdict[str, set[str | None]] = defaultdict(set)
    for event in view.asked.values():
        for iccid in event["iccids"]:
            wanted[iccid].add(whose(view, event, iccid)["customer"])
    owners = {one["id"]: one for one in view.tenancies.values()}
    for noted in view.table("noted"):
        if noted["tablename"] != "device_tenant" or noted["field"] != "accountnumber":
            continue
        device = owners[noted["rowid"]]["deviceid"]
        iccid = view.devices[device]["iccid"]
        if noted["new"] not in wanted[iccid] and device not in view.reverted_devices:
            said = f"{iccid} was given to {noted['new']}; asked for were {sorted(map(str, wanted[iccid]))}"
            yield Violation("customer unasked", said, None, iccid)
    for row in view.processed:
        if row["bulkchangeid"] not in view.asked_for and row["bulkchangeid"] not in view.reverted:
            said = f"{row['iccid']} succeeded in change {row['bulkchangeid']}, which nobody asked for"
            yield Violation("customer unasked", said, row["bulkchangeid"], row["iccid"])


def the_last_success_has_the_device(view: View) -> Iterator[Violation]:
    """A device belongs to the customer, account and site of its last success."""
    sites = {(one["tenantid"], one["revcustomerid"]): one["id"] for one in view.table("site") if not one["isdeleted"]}
    last: dict[tuple[int, int], Row] = {}
    for row in view.processed:
        if row["bulkchangeid"] in view.asked_for and row["deviceid"] not in view.reverted_devices:
            last[row["deviceid"], view.changes[row["bulkchangeid"]]["tenantid"]] = row
    for (device, tenant), row in last.items():
        change = row["bulkchangeid"]
        asked = whose(view, view.asked_for[change], row["iccid"])
        has = view.tenancies.get((device, tenant), {})
        right = (asked["customer"], asked["account"], sites.get((tenant, asked["customer_id"])), 1, 0)
        fields = ("accountnumber", "accountnumberintegrationauthenticationid", "siteid", "isactive", "isdeleted")
        if tuple(has.get(field) for field in fields) != right:
            said = f"{row['iccid']} is PROCESSED by change {change} for {right}, and has {has}"
            yield Violation("association wrong", said, change, row["iccid"])


def one_open_period_a_device(view: View) -> Iterator[Violation]:
    """A device that succeeded has one open row in the cross-provider history, which says what it has now."""
    periods: defaultdict[tuple[int, int], list[Row]] = defaultdict(list)
    for row in view.table("crossproviderdevicehistory"):
        if row["effectiveto"] is None:
            periods[row["deviceid"], row["tenantid"]].append(row)
    fields = ("siteid", "accountnumber", "customerrateplanid", "customerratepoolid", "customerdataallocationmb")
    for row in view.processed:
        key = (row["deviceid"], view.changes[row["bulkchangeid"]]["tenantid"])
        found, has = periods[key], view.tenancies.get(key, {})
        if len(found) != 1 or any(found[0][field] != has.get(field) for field in fields):
            said = f"{row['iccid']} has {len(found)} open periods: {found}; it has {has}"
            yield Violation("period wrong", said, row["bulkchangeid"], row["iccid"])


def _seen(view: View) -> Counter[Entry]:
    """Return what the witness saw change, but for links that the procedure or reconciliation set: they have no history."""
    owners = {one["id"]: one["deviceid"] for one in view.tenancies.values()}
    seen: Counter[Entry] = Counter()
    for noted in view.table("noted"):
        by_links = noted["field"] == "revserviceid" and noted["modifiedby"] in BY_LINKS
        if noted["tablename"] in WATCHED and not by_links:
            device = owners[noted["rowid"]] if noted["tablename"] == "device_tenant" else noted["rowid"]
            seen[device, noted["field"], noted["old"], noted["new"]] += 1
    return seen


CHECKS = (
    one_history_row_a_changed_field,
    history_is_of_successes,
    nobody_has_a_device_unasked,
    the_last_success_has_the_device,
    one_open_period_a_device,
)
