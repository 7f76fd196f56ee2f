"""What a change left behind, read from the vendor's journal and the portal's database, and compared."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from sqlalchemy import Engine, text

from local.sample_data import world
from tests.crash.vendor import VendorProcess
from tests.flow import Flow

STATES = """
CREATE TABLE public.intent_state (
    id bigserial PRIMARY KEY, intent_id bigint, before text, after text, detail text, at timestamptz
);
CREATE FUNCTION public.note_state() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO public.intent_state (intent_id, before, after, detail, at)
    VALUES (NEW.id, OLD.State, NEW.State, NEW.Detail, clock_timestamp());
    RETURN NULL;
END $$;
CREATE TRIGGER note_state AFTER UPDATE ON device_association.line_intent
FOR EACH ROW WHEN (OLD.State IS DISTINCT FROM NEW.State) EXECUTE FUNCTION public.note_state();
"""
DIED = "the worker that called died"
ENDED = {"CREATED", "ADOPTED", "REJECTED"}


def note_states(portal: Engine) -> None:
    """Let the database note every state that an intent has had."""
    with portal.begin() as connection:
        connection.execute(text(STATES))


@dataclass(frozen=True)
class Figures:
    """How many calls there were, how many outcomes became unknown and why, and what became of those."""

    begun: int
    lies: int
    orphans: int
    found: int
    repeated: int
    rejected: int

    @property
    def unknown(self) -> int:
        return self.lies + self.orphans

    @property
    def settled(self) -> int:
        return self.found + self.repeated + self.rejected


def figures(portal: Engine) -> Figures:
    """Count what was noted, and check that nothing that had ended was ever opened again."""
    with portal.connect() as connection:
        noted = list(connection.execute(text("SELECT before, after, detail FROM public.intent_state")))
    assert {(before, after) for before, after, _ in noted if before in {*ENDED, "ABANDONED"}} == set()
    moves = Counter((before, after) for before, after, _ in noted)
    unknown = Counter(detail == DIED for before, after, detail in noted if (before, after) == ("CALLING", "UNKNOWN"))
    return Figures(
        begun=moves["PLANNED", "CALLING"],
        lies=unknown[False],
        orphans=unknown[True],
        found=moves["UNKNOWN", "CREATED"] + moves["UNKNOWN", "ADOPTED"],
        repeated=moves["UNKNOWN", "PLANNED"],
        rejected=moves["UNKNOWN", "REJECTED"],
    )


def check_books(
    flow: Flow, vendor: VendorProcess, change_id: int, *, accepted: Collection[str], products: Sequence[int] = ()
) -> None:
    """Check that each accepted SIM is billed once, that both sides know the same, and that everything has ended once.

    What others did at the vendor is left out.
    """
    asked = {one["iccid"] for one in flow.all("dbo", "m2m_devicechange", bulkchangeid=change_id)}
    _check_lines(flow, vendor, asked, accepted)
    _check_products(flow, vendor, accepted, products)
    _check_intents(flow, change_id)
    _check_rows(flow, change_id, accepted)


def _check_lines(flow: Flow, vendor: VendorProcess, asked: set[str], accepted: Collection[str]) -> None:
    active = vendor.active_lines()
    created = {iccid: ids for iccid, ids in vendor.created_lines().items() if iccid in asked}
    assert {iccid: active.get(iccid, 0) for iccid in accepted} == dict.fromkeys(accepted, 1)
    assert {iccid: ids for iccid, ids in created.items() if len(ids) != 1 or iccid not in accepted} == {}
    mirrored = {one["number2"]: one["revserviceid"] for one in flow.all("dbo", "revservice") if not one["isdeleted"]}
    assert {iccid: [mirrored.get(iccid)] for iccid in created} == created
    assert set(accepted) <= mirrored.keys()
    known = Counter(one["number2"] for one in flow.all("dbo", "revservice"))
    assert {iccid: known[iccid] for iccid in accepted} == dict.fromkeys(accepted, 1)


def _check_products(flow: Flow, vendor: VendorProcess, accepted: Collection[str], products: Sequence[int]) -> None:
    lines = {one["revserviceid"] for one in flow.all("dbo", "revservice") if one["number2"] in accepted}
    wanted = {(line, product): 1 for line in lines for product in products}
    assert {made: count for made, count in vendor.created_products().items() if made[0] in lines} == wanted
    mirrored = Counter((one["serviceid"], one["productid"]) for one in flow.all("dbo", "revserviceproduct"))
    assert dict(mirrored) == wanted


def _check_intents(flow: Flow, change_id: int) -> None:
    intents = flow.all("device_association", "line_intent", bulkchangeid=change_id)
    assert {one["state"] for one in intents} <= ENDED
    assert [one for one in intents if one["leaseowner"] or one["leaseuntil"] or one["unknownsince"]] == []
    assert [one for one in intents if one["state"] != "REJECTED" and not one["readydate"]] == []
    assert {one["state"] for one in flow.all("device_association", "rev_product_step")} <= {"CREATED"}


def _check_rows(flow: Flow, change_id: int, accepted: Collection[str]) -> None:
    rows = flow.all("dbo", "m2m_devicechange", bulkchangeid=change_id)
    assert [one for one in rows if not one["isprocessed"]] == []
    assert {one["iccid"] for one in rows if one["status"] == "PROCESSED"} == set(accepted)
    devices = {one["deviceid"]: one["iccid"] for one in rows if one["iccid"] in accepted}
    history = flow.all("dbo", "deviceactionhistory", bulkchangeid=change_id)
    fields = Counter((one["iccid"], one["changedfield"]) for one in history)
    assert {field: count for field, count in fields.items() if count != 1} == {}
    assert {iccid for iccid, _ in fields} == set(accepted)
    crossed = Counter(one["deviceid"] for one in flow.all("dbo", "crossproviderdevicehistory"))
    assert {device: crossed[device] for device in devices} == dict.fromkeys(devices, 1)
    logged = flow.all("dbo", "devicebulkchangelog", bulkchangeid=change_id)
    told = Counter(one["m2mdevicechangeid"] for one in logged if one["logentrydescription"] == "create_rev_service")
    assert {row["iccid"]: told[row["id"]] for row in rows} == {row["iccid"]: 1 for row in rows}
    linked = {one["revserviceid"] for one in flow.all("dbo", "device_tenant") if one["deviceid"] in devices}
    lines = {one["id"] for one in flow.all("dbo", "revservice") if one["number2"] in accepted}
    assert {link for link in linked if link is not None} == lines
    assert flow.all("device_association", "device_lock", bulkchangeid=change_id) == []
    owed = flow.all("device_association", "outbox", bulkchangeid=change_id)
    assert Counter(one["kind"] for one in owed)["NOTIFICATION"] == 1
    assert world.ACME in {
        one["accountnumber"] for one in flow.all("dbo", "device_tenant") if one["deviceid"] in devices
    }
