"""Asks for changes in every way there is, and for what is done to them later; every question and answer is history."""

from __future__ import annotations

import json
import random
import threading
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from sqlalchemy import Connection, Insert, select
from sqlalchemy.exc import DBAPIError

from chaos.plan.schedule import Step
from chaos.records.history import History
from chaos.scene.portal import NoAnswerError, persist
from chaos.scene.site import USER, Site, customer_of, reflected
from local.sample_data import world

PROGRAMS = 16
REVERT = "/BulkChanges/{change_id}/revert"
LINE = {
    "CreateRevService": True,
    "Description": "chaos",
    "ServiceTypeId": world.SERVICE_TYPE,
    "ProviderId": world.PROVIDER,
}
TERMS: dict[str, dict[str, Any]] = {
    "line": LINE,
    "products": LINE | {"RevProductIdList": [world.PRODUCT, world.SECOND_PRODUCT], "RateList": ["4.50", "1.25"]},
    "plain": {},
    "plan": {"AddCustomerRatePlan": True, "CustomerRatePlan": world.RATE_PLAN, "CustomerRatePool": world.RATE_POOL},
    "carrier": {"AddCarrierRatePlan": True, "CarrierRatePlan": world.CARRIER_PLAN, "CommPlan": "chaos"},
    "refused": {},
    "mixed": LINE,
}
QUEUE_FAILS = (BotoCoreError, ClientError)


class Generator:
    """Carries out the operations of a schedule, each in its own time, beside one another."""

    def __init__(self, site: Site, history: History) -> None:
        self._site, self._history = site, history
        self._programs = ThreadPoolExecutor(PROGRAMS, thread_name_prefix="program")
        self._lock = threading.Lock()
        self._under_way: list[Future[None]] = []
        self._posted: list[tuple[int, dict[str, Any]]] = []
        self.changes: list[int] = []
        self.reverts = site.portal.has_route(REVERT)

    def begin(self, step: Step) -> None:
        """Begin an operation; it goes on beside the others."""
        self._under_way.append(self._programs.submit(self._carry_out, step))

    def finish(self) -> None:
        """Wait until everything asked has been answered or given up; raise what went wrong in here."""
        for one in self._under_way:
            one.result()

    def stop(self) -> None:
        """Give up what has no answer yet."""
        self._site.over.set()
        self._programs.shutdown(cancel_futures=True)

    def pick(self, share: float) -> int | None:
        """Return one of the changes acknowledged so far, the newest first; None where there is none."""
        with self._lock:
            return self.changes[-1 - int(share * len(self.changes))] if self.changes else None

    def _carry_out(self, step: Step) -> None:
        kind = step["kind"]
        try:
            if kind == "ask":
                ask = {"post": self._post, "form": self._form, "portal": self._write}[step["way"]]
                ask(step["n"], _request(step), _about(step))
            elif kind == "ask again":
                self._post_again(step)
            else:
                self._act(step)
        except NoAnswerError as problem:
            self._history.note("unanswered", kind, n=step["n"], said=str(problem)[:300])

    def _post(self, number: int, request: dict[str, Any], about: dict[str, Any]) -> None:
        self._history.note("asked", "ask", n=number, way="post", **about)
        with self._lock:
            self._posted.append((number, request))
        self._answered(number, *self._send_keyed(number, request))

    def _post_again(self, step: Step) -> None:
        with self._lock:
            if not self._posted:
                return
            number, request = self._posted[-1 - int(step["pick"] * len(self._posted))]
        self._answered(number, *self._send_keyed(number, request))

    def _send_keyed(self, number: int, request: dict[str, Any]) -> tuple[int, Any]:
        key = {"Idempotency-Key": f"chaos-{number}"}
        return self._site.portal.send("POST", "/M2M/AssociateCustomer", request, key)

    def _answered(self, number: int, status: int, answer: Any) -> None:
        self._history.note("answered", "ask", n=number, status=status, change=answer.get("ChangeId"), answer=answer)
        if status == 200:
            self._acknowledged(answer["ChangeId"])

    def _acknowledged(self, change: int) -> None:
        with self._lock:
            if change not in self.changes:
                self.changes.append(change)

    def _form(self, number: int, request: dict[str, Any], about: dict[str, Any]) -> None:
        self._history.note("asked", "ask", n=number, way="form", **about)
        run_id = f"chaos__{number}"
        form = {"logical_date": None, "dag_run_id": run_id, "conf": request}
        status, answer = self._site.portal.send("POST", "/api/v2/dags/associate_customer/dagRuns", form)
        accepted = status in (200, 409)  # 409: it was accepted, and the answer was lost
        self._history.note("answered", "ask", n=number, status=200 if accepted else status, run=run_id, answer=answer)

    def _write(self, number: int, request: dict[str, Any], about: dict[str, Any]) -> None:
        """Write a change as the portal itself does, and send its message."""
        self._history.note("asked", "ask", n=number, way="portal", **about)
        change = persist(lambda: self._stored(number, request, about), DBAPIError, over=self._site.over)
        body = {"BulkChangeId": change, "RetryNumber": 0}
        attributes = {name: str(value) for name, value in body.items()}
        message = persist(
            lambda: self._site.send_message(json.dumps(body), attributes), *QUEUE_FAILS, over=self._site.over
        )
        self._history.note("answered", "ask", n=number, status=200, change=change, message=message)
        self._acknowledged(change)

    def _stored(self, number: int, request: dict[str, Any], about: dict[str, Any]) -> int:
        """Return the change, written now, or already: a commit whose answer was lost is not done again."""
        mark, engine = f"chaos.{number}", self._site.engine
        tables = {name: reflected(engine, f"dbo.{name}") for name in ("DeviceBulkChange", "DeviceChangeRequest")}
        rows = reflected(engine, "dbo.M2M_DeviceChange")
        head = {"changerequesttypeid": 4, "serviceproviderid": world.JASPER, "tenantid": world.NORTHWIND}
        with engine.begin() as connection:
            written = connection.scalar(select(rows.c.bulkchangeid).where(rows.c.createdby == mark).limit(1))
            if written is not None:
                return int(written)
            change = tables["DeviceBulkChange"].insert().values(**head, status="NEW", createdby=USER)
            change_id = _new_id(connection, change)
            for iccid in dict.fromkeys(request["Devices"]):
                payload = json.dumps(_payload(request, iccid, about))
                stored = _new_id(connection, tables["DeviceChangeRequest"].insert().values(changerequest=payload))
                own = {"bulkchangeid": change_id, "devicechangerequestid": stored}
                connection.execute(rows.insert().values(**own, iccid=iccid, status="NEW", createdby=mark))
        return change_id

    def _act(self, step: Step) -> None:
        """Retry, cancel or revert a change that was acknowledged."""
        kind, change = step["kind"], self.pick(step["pick"])
        if change is None or (kind == "revert" and not self.reverts):
            return
        self._history.note("asked", kind, n=step["n"], change=change)
        path = f"/M2M/BulkChanges/{change}/{kind}"
        status, answer = self._site.portal.send("POST", path, {"Reason": f"chaos {kind} {step['n']}"})
        self._history.note("answered", kind, n=step["n"], change=change, status=status, answer=answer)
        reverting = answer.get("ChangeId")
        if kind == "revert" and status == 200 and reverting:
            self._acknowledged(reverting)


def _new_id(connection: Connection, statement: Insert) -> int:
    key = connection.execute(statement).inserted_primary_key
    assert key is not None, "these tables number their rows"
    return int(key[0])


def _request(step: Step) -> dict[str, Any]:
    """Return the request as the portal sends it; its reason says which step asked."""
    own = TERMS.get(step["terms"])
    if own is None:
        own = TERMS["plan"] | {"EffectiveDate": (datetime.now(UTC) + timedelta(days=30)).isoformat()}
    asked = [world.iccid(number) for number in step["devices"]]
    about = {"RevCustomerId": str(customer_of(step["customer"])[2]), "Reason": f"chaos {step['n']}"}
    return {"ServiceProviderId": world.JASPER, "Devices": asked, **about, **own}


def _about(step: Step) -> dict[str, Any]:
    """Return what the checker has to know of a request."""
    number, account, guid = customer_of(step["customer"])
    asked = zip(step["devices"], step.get("customers", ()), strict=False)
    return {
        "iccids": [world.iccid(device) for device in step["devices"]],
        "customer": number,
        "account": account,
        "customer_id": str(guid),
        "terms": step["terms"],
        "line": step["terms"] in {"line", "products", "mixed"},
        "products": TERMS.get(step["terms"], {}).get("RevProductIdList", []),
        **({"others": {world.iccid(device): _whose(one) for device, one in asked}} if "customers" in step else {}),
    }


def _whose(customer: str) -> dict[str, Any]:
    number, account, guid = customer_of(customer)
    return {"customer": number, "account": account, "customer_id": str(guid)}


def _payload(request: dict[str, Any], iccid: str, about: dict[str, Any]) -> dict[str, Any]:
    """Return one device's part of a change, as the portal's tables keep it."""
    shared = {name: value for name, value in request.items() if name not in {"ServiceProviderId", "Devices", "Reason"}}
    whose = about.get("others", {}).get(iccid, about)
    own = {"IntegrationAuthenticationId": whose["account"], "RevCustomerId": whose["customer_id"]}
    return {"Number": None, "ICCID": iccid, **shared, **own}


def forms_of_a_message(change: int, retry: int, chance: random.Random) -> tuple[str, dict[str, str]]:
    """Return body and attributes of a message in one of the ways in which producers write it."""
    said = {"BulkChangeId": change, "RetryNumber": retry}
    attributes = {name: str(value) for name, value in said.items()}
    return chance.choice([(json.dumps(said), attributes), (json.dumps(said), {}), ("see attributes", attributes)])
