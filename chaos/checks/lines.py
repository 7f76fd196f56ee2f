"""One active line for each SIM that was accepted, and vendor, mirror and links agree on it."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator

from chaos.checks.view import Line, LineKey, View, Violation
from chaos.world import Row


def no_sim_is_billed_twice(view: View) -> Iterator[Violation]:
    """A SIM for which we made a line has no other active one, except what other customers had before."""
    active: defaultdict[str, list[Line]] = defaultdict(list)
    for line in view.lines.values():
        if line.sim and not line.ended:
            active[line.sim].append(line)
    for sim, lines in active.items():
        ours = [one for one in lines if one.is_ours]
        whose = {(one.account, one.customer) for one in ours}
        same = [one for one in lines if one.is_ours or (one.account, one.customer) in whose]
        if ours and len(same) > 1:
            yield Violation("line doubled", f"{sim} has the active lines {[one.number for one in same]}", None, sim)


def no_line_is_made_unasked(view: View) -> Iterator[Violation]:
    """Each line that we made was asked for, for this SIM, customer and account."""
    wanted = {
        (iccid, event["customer"], view.accounts.get(event["account"]))
        for event in view.asked.values()
        if event["line"]
        for iccid in event["iccids"]
    }
    for line in view.lines.values():
        if line.is_ours and (line.sim, line.customer, line.account) not in wanted:
            said = f"line {line.number} for {line.sim} of customer {line.customer} ({line.account}) was not asked for"
            yield Violation("line unasked", said, None, line.sim)


def each_accepted_sim_has_its_line(view: View) -> Iterator[Violation]:
    """A device that succeeded with a line has exactly one at the vendor, with its products, and is linked to it."""
    mirrored = {_key(view, row): row for row in view.mirror.values()}
    products = _products(view)
    for row in _with_line(view):
        change, iccid = row["bulkchangeid"], row["iccid"]
        asked = view.asked_for[change]
        whose = (iccid, asked["customer"], view.accounts[asked["account"]])
        lines = [one for one in view.lines.values() if (one.sim, one.customer, one.account) == whose and not one.ended]
        if len(lines) != 1:
            said = f"{iccid} of change {change} is PROCESSED and has {len(lines)} active lines of customer {whose[1]}"
            yield Violation("line lost" if not lines else "line doubled", said, change, iccid)
            continue
        line, has = lines[0], view.tenancies.get((row["deviceid"], view.changes[change]["tenantid"]), {})
        link = mirrored.get(line.key, {}).get("id")
        if link is None or has.get("revserviceid") != link:
            said = (
                f"{iccid} has line {line.number}, its device is linked to {has.get('revserviceid')} and not to {link}"
            )
            yield Violation("link wrong", said, change, iccid)
        for product in asked["products"]:
            if products[(*line.key, product)] != 1:
                said = f"line {line.number} of {iccid} has product {product} {products[(*line.key, product)]} times"
                yield Violation("product wrong", said, change, iccid)


def no_product_is_billed_twice(view: View) -> Iterator[Violation]:
    """No line has a product twice."""
    for (account, line, product), count in _products(view).items():
        if count > 1:
            sim = view.lines[account, line].sim
            yield Violation("product wrong", f"line {line} has product {product} {count} times", None, sim)


def mirror_and_journal_agree(view: View) -> Iterator[Violation]:
    """Each line of the mirror is the vendor's, and each line that we made is in the mirror, once."""
    keys = Counter(_key(view, row) for row in view.mirror.values() if not row["isdeleted"])
    for row in view.mirror.values():
        line, customer = view.lines.get(_key(view, row)), view.customers.get(row["revcustomerid"] or "", {})
        if row["isdeleted"]:
            continue
        if line is None:
            said = f"the mirror has line {row['revserviceid']} for {row['number2']}, the vendor has not"
            yield Violation("mirror without line", said, None, row["number2"])
        elif (line.sim, line.customer) != (row["number2"], customer.get("revcustomerid")) or line.ended != bool(
            row["disconnecteddate"]
        ):
            said = f"line {line.number}: {line} at the vendor, {row['number2']} of {row['revcustomerid']} in the mirror"
            yield Violation("mirror differs", said, None, line.sim)
    for line in view.lines.values():
        if line.is_ours and keys[line.key] != 1:
            said = f"the vendor made line {line.number} for {line.sim}; the mirror has it {keys[line.key]} times"
            yield Violation("line without mirror", said, None, line.sim)


def links_lead_to_active_lines(view: View) -> Iterator[Violation]:
    """A link leads to an active line of the device's SIM and of its customer."""
    for has in view.tenancies.values():
        if has["revserviceid"] is None or has["isdeleted"]:
            continue
        row, device = view.mirror.get(has["revserviceid"]), view.devices[has["deviceid"]]
        iccid = device["iccid"]
        if row is None or row["isdeleted"] or row["disconnecteddate"]:
            yield Violation(
                "link wrong", f"{iccid} is linked to a line that is gone: {has['revserviceid']}", None, iccid
            )
            continue
        line = view.lines.get(_key(view, row))
        customer = view.customers.get(row["revcustomerid"] or "", {})
        right = (iccid, has["accountnumber"], has["accountnumberintegrationauthenticationid"])
        leads = (row["number2"], customer.get("revcustomerid"), row["integrationauthenticationid"])
        if leads != right or line is None or line.ended:
            said = (
                f"{iccid} of customer {has['accountnumber']} is linked to line {row['revserviceid']} of {leads}: {line}"
            )
            yield Violation("link wrong", said, None, iccid)


def _with_line(view: View) -> Iterator[Row]:
    """Yield the rows that succeeded with a line asked for and were left so."""
    for row in view.processed:
        asked = view.asked_for.get(row["bulkchangeid"])
        if asked and asked["line"] and row["deviceid"] not in view.reverted_devices:
            yield row


def _key(view: View, mirrored: Row) -> LineKey:
    return view.accounts[mirrored["integrationauthenticationid"]], mirrored["revserviceid"]


def _products(view: View) -> Counter[tuple[str, int, int]]:
    return Counter(
        (one["account"], one["product"]["service_id"], one["product"]["product_id"])
        for one in view.world.journal
        if one["kind"] == "product_created"
    )


CHECKS = (
    no_sim_is_billed_twice,
    no_line_is_made_unasked,
    each_accepted_sim_has_its_line,
    no_product_is_billed_twice,
    mirror_and_journal_agree,
    links_lead_to_active_lines,
)
