"""One active line for each SIM that was accepted, and vendor, mirror and links agree on it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from chaos.checks.others import WINDOW
from chaos.checks.sims import sim_key
from chaos.checks.stories import LineKey, Story, moment
from chaos.checks.view import View, whose
from chaos.checks.violations import Violation
from chaos.records.world import Row


def no_line_is_made_unasked(view: View) -> Iterator[Violation]:
    """Each line that we made was asked for, for this SIM, customer and account."""
    wanted: set[tuple[str | None, str | None, str | None]] = set()
    for event in view.asked.values():
        for iccid in event["iccids"] if event["line"] else ():
            asked = whose(view, event, iccid)
            wanted.add((sim_key(iccid), asked["customer"], asked["account_name"]))
    for story in view.stories.values():
        made = story.states[0]
        sim = (made.record or {}).get("number2")
        if story.is_ours and (sim_key(sim), made.customer, story.account) not in wanted:
            said = f"line {story.number} for {sim} of customer {made.customer} ({story.account}) was not asked for"
            yield Violation("line unasked", said, None, sim)


def each_accepted_sim_has_its_line(view: View) -> Iterator[Violation]:
    """A device that succeeded with a line has exactly one at the vendor, with its products, and is linked to it.

    Where a person changed lines of the SIM, it had one when it succeeded.
    """
    mirrored = {_key(view, row): row for row in view.mirror.values()}
    products = _products(view)
    for row in _with_line(view):
        change, iccid = row["bulkchangeid"], row["iccid"]
        asked = whose(view, view.asked_for[change], iccid)
        if view.is_touched(iccid):
            if not _had_line(view, row, asked):
                said = (
                    f"{iccid} of change {change} was PROCESSED and had no active line of customer {asked['customer']}"
                )
                yield Violation("line lost", said, change, iccid)
            continue
        lines = [one for one in view.stories_of(iccid) if _is_line_of(view, one, iccid, asked)]
        if len(lines) != 1:
            said = f"{iccid} of change {change} is PROCESSED and has {len(lines)} active lines of {asked['customer']}"
            yield Violation("line lost" if not lines else "line doubled", said, change, iccid)
            continue
        if lines[0].is_raw:
            continue
        key, has = (lines[0].account, lines[0].number), view.tenancies.get(_tenancy(view, row), {})
        link = mirrored.get(key, {}).get("id")
        if link is None or has.get("revserviceid") != link:
            said = f"{iccid} has line {key[1]}, its device is linked to {has.get('revserviceid')} and not to {link}"
            yield Violation("link wrong", said, change, iccid)
        for product in view.asked_for[change]["products"]:
            if products[(*key, product)] != 1:
                said = f"line {key[1]} of {iccid} has product {product} {products[(*key, product)]} times"
                yield Violation("product wrong", said, change, iccid)


def no_product_is_billed_twice(view: View) -> Iterator[Violation]:
    """No line has a product twice."""
    for (account, line, product), count in _products(view).items():
        if count > 1:
            found = view.lines.get((account, line))
            sim = found.sim if found else None
            yield Violation("product wrong", f"line {line} has product {product} {count} times", None, sim)


def mirror_and_journal_agree(view: View) -> Iterator[Violation]:
    """Each line of the mirror is the vendor's, and each line that we made is in the mirror, once.

    What a person changed is in the mirror once reconciliation has passed.
    """
    keys = Counter(_key(view, row) for row in view.mirror.values() if not row["isdeleted"])
    for row in view.mirror.values():
        line, customer = view.lines.get(_key(view, row)), view.customers.get(row["revcustomerid"] or "", {})
        if row["isdeleted"] or _is_another_s_doing(view, _key(view, row)):
            continue
        if line is None:
            said = f"the mirror has line {row['revserviceid']} for {row['number2']}, the vendor has not"
            yield Violation("mirror without line", said, None, row["number2"])
        elif ((line.sim or "").strip() or None, line.customer) != (
            row["number2"],
            customer.get("revcustomerid"),
        ) or line.ended != bool(row["disconnecteddate"]):
            said = f"line {line.number}: {line} at the vendor, {row['number2']} of {row['revcustomerid']} in the mirror"
            yield Violation("mirror differs", said, None, line.sim)
    for line in view.lines.values():
        if line.is_ours and keys[line.key] != 1 and not _is_another_s_doing(view, line.key):
            said = f"the vendor made line {line.number} for {line.sim}; the mirror has it {keys[line.key]} times"
            yield Violation("line without mirror", said, None, line.sim)


def _is_to_end(row: Row) -> bool:
    """Whether a line of the mirror has an end that was still to come when it was written: a vendor's clock may be ahead."""
    return bool(row["disconnecteddate"] and row.get("modifieddate") and row["disconnecteddate"] > row["modifieddate"])


def links_lead_to_active_lines(view: View) -> Iterator[Violation]:
    """A link leads to an active line of the device's SIM and of its customer."""
    for has in view.tenancies.values():
        if has["revserviceid"] is None or has["isdeleted"]:
            continue
        row, device = view.mirror.get(has["revserviceid"]), view.devices[has["deviceid"]]
        iccid = device["iccid"]
        if view.is_touched(iccid) and not view.is_reconciled:
            continue
        if row is not None and _is_to_end(row):
            continue
        if row is None or row["isdeleted"] or row["disconnecteddate"]:
            yield Violation(
                "link wrong", f"{iccid} is linked to a line that is gone: {has['revserviceid']}", None, iccid
            )
            continue
        story, line = view.stories.get(_key(view, row)), view.lines.get(_key(view, row))
        customer = view.customers.get(row["revcustomerid"] or "", {})
        right = (has["accountnumber"], has["accountnumberintegrationauthenticationid"])
        leads = (customer.get("revcustomerid"), row["integrationauthenticationid"])
        if _is_raw(view, _key(view, row)):
            continue
        if leads != right or story is None or not story.end.is_for(view.keys_of_sim(iccid)):
            said = (
                f"{iccid} of customer {has['accountnumber']} is linked to line {row['revserviceid']} of {leads}: {line}"
            )
            yield Violation("link wrong", said, None, iccid)


def _with_line(view: View) -> Iterator[Row]:
    """Yield the rows that succeeded with a line asked for, and that no revert has changed since."""
    reverted: dict[int, str] = {}
    for row in (row for change in view.reverted for row in view.rows.get(change, [])):
        reverted[row["deviceid"]] = max(reverted.get(row["deviceid"], ""), row["processeddate"] or "")
    for row in view.processed:
        change, is_later = row["bulkchangeid"], (row["processeddate"] or "") > reverted.get(row["deviceid"], "")
        asked = view.asked_for.get(change)
        if asked and asked["line"] and change not in view.reverted and is_later:
            yield row


def _is_line_of(view: View, story: Story, iccid: str, asked: Row) -> bool:
    """Whether a line is a SIM's, of the customer, in the end; a raw record without a customer may be anybody's."""
    is_whose = story.end.customer == asked["customer"] or (story.is_raw and story.end.customer == "None")
    return story.account == asked["account_name"] and is_whose and story.end.is_for(view.keys_of_sim(iccid))


def _had_line(view: View, row: Row, asked: Row) -> bool:
    """Whether the SIM had an active line of the customer when its row ended, or within the window before."""
    ended, keys = moment(row["processeddate"]), view.keys_of_sim(row["iccid"])
    return any(
        state.is_for(keys) and (state.customer == asked["customer"] or story.is_raw)
        for story in view.stories_by_keys(keys)
        if story.account == asked["account_name"]
        for state in story.between(ended - WINDOW, ended)
    )


def _is_another_s_doing(view: View, key: LineKey) -> bool:
    """Whether a person changed a line since the mirror learnt of it, or it is a raw record with this number."""
    story = view.stories.get(key)
    if story is None:
        return _is_raw(view, key)
    return (story.is_touched and not view.is_reconciled) or story.end.record is None


def _is_raw(view: View, key: LineKey) -> bool:
    """Whether only a raw record has this number."""
    return key not in view.stories and (key[0], -1 - key[1]) in view.stories


def _tenancy(view: View, row: Row) -> tuple[int, int]:
    return row["deviceid"], view.changes[row["bulkchangeid"]]["tenantid"]


def _key(view: View, mirrored: Row) -> LineKey:
    return view.accounts[mirrored["integrationauthenticationid"]], mirrored["revserviceid"]


def _products(view: View) -> Counter[tuple[str, int, int]]:
    return Counter(
        (one["account"], one["product"]["service_id"], one["product"]["product_id"])
        for one in view.world.journal
        if one["kind"] == "product_created"
    )


CHECKS = (
    no_line_is_made_unasked,
    each_accepted_sim_has_its_line,
    no_product_is_billed_twice,
    mirror_and_journal_agree,
    links_lead_to_active_lines,
)
