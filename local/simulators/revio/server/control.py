"""The control API: how tests, benchmarks and the demo steer the simulator and read its books."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, FastAPI, HTTPException, Query, Response
from fastapi.responses import JSONResponse
from pydantic import ValidationError

from local.simulators.revio.faults.outage import Outage
from local.simulators.revio.faults.plan import Fault, Plan
from local.simulators.revio.ledger.people import Deed, carry_out
from local.simulators.revio.ledger.seed import Service
from local.simulators.revio.server.responses import JSON
from local.simulators.revio.settings import Settings, SettingsChange

if TYPE_CHECKING:
    from local.simulators.revio.server.app import Simulator

OK = {"ok": True}


def control_app(simulator: Simulator) -> FastAPI:
    """Return the routes under `/_control`; the package's docstring lists them."""
    app = FastAPI(title="Rev.io simulator", docs_url=None, redoc_url=None, openapi_url=None)
    for routes in (_books(simulator), _fault_plan(simulator), _switches(simulator), _by_hand(simulator)):
        app.include_router(routes, prefix="/_control")
    return app


def _books(simulator: Simulator) -> APIRouter:
    """What happened. Written as it is: FastAPI would check 20,000 entries one by one."""
    routes = APIRouter()

    @routes.get("/health")
    async def health() -> dict[str, bool]:
        return OK

    @routes.get("/journal")
    async def journal(account: str | None = None, number2: str | None = None) -> Response:
        return Response(simulator.ledger.journal_text(account, number2), media_type=JSON)

    @routes.get("/lines")
    async def lines() -> Response:
        now = simulator.ledger.now().replace(tzinfo=None)
        stores = simulator.ledger.accounts.values()
        return JSONResponse(Counter(line.number2 or "" for store in stores for line in store.active_services(now)))

    @routes.get("/counters")
    async def counters() -> Response:
        return JSONResponse(simulator.counters)

    @routes.get("/timeline")
    async def timeline() -> Response:
        return JSONResponse({name: one.told() for name, one in simulator.timelines.items()})

    return routes


def _fault_plan(simulator: Simulator) -> APIRouter:
    routes = APIRouter()

    @routes.get("/faults")
    async def list_faults() -> dict[int, Fault]:
        return simulator.faults.listed()

    @routes.post("/faults")
    async def add_fault(fault: Fault) -> dict[str, int]:
        return {"id": simulator.faults.add(fault)}

    @routes.delete("/faults")
    async def clear_faults() -> dict[str, bool]:
        simulator.faults.clear()
        return OK

    @routes.delete("/faults/{rule_id}")
    async def remove_fault(rule_id: int) -> dict[str, bool]:
        simulator.faults.remove(rule_id)
        return OK

    @routes.get("/plan")
    async def show_plan() -> Plan:
        return Plan(seed=simulator.faults.draws.seed, faults=list(simulator.faults.listed().values()))

    @routes.put("/plan")
    async def replace_plan(plan: Plan) -> dict[str, list[int]]:
        return {"ids": simulator.faults.replace(plan)}

    return routes


def _switches(simulator: Simulator) -> APIRouter:
    routes = APIRouter()

    @routes.get("/settings")
    async def show_settings() -> Settings:
        return simulator.settings

    @routes.patch("/settings")
    async def change_settings(change: SettingsChange) -> Settings:
        try:
            simulator.settings = change.applied_to(simulator.settings)
        except ValidationError as error:
            raise HTTPException(422, [one["msg"] for one in error.errors()]) from None
        return simulator.settings

    @routes.get("/outage")
    async def show_outage() -> dict[str, Any]:
        return {"kind": simulator.outage.kind, "seconds_left": simulator.outage.seconds_left}

    @routes.post("/outage")
    async def start_outage(outage: Outage) -> dict[str, bool]:
        simulator.outage.start(outage)
        return OK

    @routes.delete("/outage")
    async def end_outage() -> dict[str, bool]:
        simulator.outage.end()
        return OK

    @routes.post("/reset")
    async def reset() -> dict[str, bool]:
        simulator.reset()
        return OK

    return routes


def _by_hand(simulator: Simulator) -> APIRouter:
    """What is planted, and what a person at the vendor does."""
    routes = APIRouter()

    @routes.post("/services")
    async def plant(service: Service, account: str = Query()) -> dict[str, int | None]:
        try:
            return {"id": simulator.ledger.create_service(account, service, by="control").service_id}
        except ValueError as error:
            raise HTTPException(409, str(error)) from None

    @routes.post("/records")
    async def plant_record(
        fields: dict[str, Any], account: str = Query(), customer_id: int | None = None
    ) -> dict[str, int]:
        own = fields.get("customer_id")
        customer = own if customer_id is None and isinstance(own, int) else customer_id
        return {"id": simulator.ledger.plant_record(account, fields, customer)}

    @routes.post("/people")
    async def do_as_a_person(deed: Deed) -> dict[str, int]:
        try:
            return {"id": carry_out(simulator.ledger, deed)}
        except LookupError as error:
            raise HTTPException(404, str(error)) from None
        except ValueError as error:
            raise HTTPException(409, str(error)) from None

    return routes
