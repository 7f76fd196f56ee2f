"""The simulator over HTTP: credentials, limits, faults, latency; then the vendor's own answer."""

from __future__ import annotations

import asyncio
import base64
import binascii
import json
import secrets
from collections import Counter
from typing import Any

from fastapi import FastAPI, Query, Request
from fastapi.responses import HTMLResponse, JSONResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from local.rev_simulator.budget import Budget, TurnedAway
from local.rev_simulator.faults import Fault, FaultPlan
from local.rev_simulator.ledger import Ledger
from local.rev_simulator.seed import Service, User
from local.rev_simulator.settings import Settings, SettingsChange
from local.rev_simulator.vendor import Refused, Vendor


class Simulator:
    """One simulated vendor, with everything about it that can change while it runs."""

    def __init__(self, ledger: Ledger, settings: Settings, seed: int = 1) -> None:
        self.ledger, self.settings, self.faults = ledger, settings, FaultPlan(seed)
        self.counters: Counter[str] = Counter()
        self.budgets = {name: Budget(ledger.clock) for name in ledger.accounts}

    async def call(self, request: Request) -> Response:
        """Answer one call under /v1."""
        path, method = request.url.path, request.method
        signed_in = self._sign_in(request)
        if signed_in is None:
            return self._count(method, path, _not_signed_in())
        account, user = signed_in
        turned_away = self.budgets[account].admit(self.settings)
        if turned_away is not None:
            return self._count(method, path, _turned_away(turned_away, self.settings.throttle_shape == "header"))
        body = await _body(request)
        await asyncio.sleep(self.settings.latency_ms / 1000)
        fault = self.faults.draw(method, path, _numbers(request, body))
        vendor = Vendor(self.ledger, account, user, self.settings)
        return self._count(method, path, await self._answer(request, vendor, body, fault))

    async def _answer(self, request: Request, vendor: Vendor, body: Any, fault: Fault | None) -> Response:
        effect = fault.effect if fault else ""
        if fault and (early := await _before(request, fault)) is not None:
            return early
        try:
            status, answer = vendor.answer(request.method, request.url.path, request.query_params, body)
        except Refused as refused:
            return JSONResponse(refused.body, refused.status)
        if fault and (late := await _after(request, fault)) is not None:
            return late
        if effect == "ok_false_after":
            return JSONResponse({"ok": False, "error": "internal"}, status)
        location = {"Location": f"{request.url.path}/{answer['id']}"} if status == 201 else {}
        return JSONResponse(answer, status, headers=location)

    def _sign_in(self, request: Request) -> tuple[str, User] | None:
        scheme, _, encoded = request.headers.get("authorization", "").partition(" ")
        try:
            given, _, password = base64.b64decode(encoded, validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            return None
        login, _, client_code = given.partition("@")
        key = request.headers.get("ocp-apim-subscription-key", "")
        for name, account in self.ledger.accounts.items():
            user = account.users.get(login)
            right_account = account.client_code == client_code and secrets.compare_digest(account.subscription_key, key)
            if scheme == "Basic" and right_account and user and secrets.compare_digest(user.password, password):
                return name, user
        return None

    def _count(self, method: str, path: str, response: Response) -> Response:
        self.counters[f"{method} {'/'.join(path.split('/')[:3])}"] += 1
        self.counters[f"status {response.status_code}"] += 1
        return response


class _Hangup(Response):
    """No answer at all: the connection is cut."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope["hang_up"]()


async def _before(request: Request, fault: Fault) -> Response | None:
    match fault.effect:
        case "reject_array":
            return JSONResponse([{"field": "number", "message": "refused by the fault plan"}], 400)
        case "reject_object":
            return JSONResponse({"ok": False, "errors": {"number": ["refused by the fault plan"]}}, 400)
        case "reject_html":
            return HTMLResponse("<html><body><h1>Bad request</h1>refused by the fault plan</body></html>", 400)
        case "reject_empty":
            return Response(status_code=400)
        case "throttle_header" | "throttle_body":
            return _turned_away(TurnedAway("minute", int(fault.seconds)), fault.effect == "throttle_header")
        case "unauthorized":
            return _not_signed_in()
        case "quota":
            return _turned_away(TurnedAway("day", int(fault.seconds)), header=True)
        case "error_before":
            return JSONResponse({"ok": False, "error": "internal"}, 500)
        case "timeout_before" | "slow":
            await asyncio.sleep(fault.seconds)
            return _Hangup() if fault.effect == "timeout_before" else None
        case "drop_before":
            return _Hangup()
    return None


async def _after(request: Request, fault: Fault) -> Response | None:
    match fault.effect:
        case "error_after":
            return JSONResponse({"ok": False, "error": "internal"}, 500)
        case "timeout_after":
            await asyncio.sleep(fault.seconds)
            return _Hangup()
        case "drop_after":
            return _Hangup()
        case "no_id_after":
            return Response(status_code=201)
    return None


def _not_signed_in() -> Response:
    return JSONResponse({"ok": False, "error": "wrong credentials"}, 401)


def _turned_away(turned_away: TurnedAway, header: bool) -> Response:
    wait = turned_away.retry_after
    if turned_away.limit == "day":
        message = {
            "statusCode": 403,
            "message": f"Out of call volume quota. Quota will be replenished in {wait} seconds.",
        }
        return JSONResponse(message, 403, headers={"Retry-After": str(wait)})
    message = {"statusCode": 429, "message": f"Rate limit is exceeded. Try again in {wait} seconds."}
    return JSONResponse(message, 429, headers={"Retry-After": str(wait)} if header else {})


async def _body(request: Request) -> Any:
    raw = await request.body()
    try:
        return json.loads(raw) if raw else None
    except ValueError:
        return None


def _numbers(request: Request, body: Any) -> list[str]:
    sources = [request.query_params, body if isinstance(body, dict) else {}]
    return [str(source[name]) for source in sources for name in ("number", "number2") if source.get(name)]


def make_app(simulator: Simulator) -> ASGIApp:
    """Return the simulator as an ASGI application that can also cut a connection."""
    app = FastAPI(title="Rev.io simulator", docs_url=None, redoc_url=None, openapi_url=None)
    app.add_api_route("/v1/{path:path}", simulator.call, methods=["GET", "POST", "DELETE", "PATCH", "PUT"])
    _add_control(app, simulator)

    async def outermost(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            scope["hang_up"] = lambda: send.__self__.transport.abort()  # type: ignore[attr-defined]
        await app(scope, receive, send)

    return outermost


def _add_control(app: FastAPI, simulator: Simulator) -> None:
    @app.get("/_control/health")
    def health() -> dict[str, bool]:
        return {"ok": True}

    @app.get("/_control/journal")
    async def journal(account: str | None = None, number2: str | None = None) -> list[dict[str, Any]]:
        return [
            entry.model_dump(mode="json", exclude_none=True)
            for entry in simulator.ledger.journal
            if entry.kind != "seeded"
            and account in (None, entry.account)
            and number2 in (None, entry.service and entry.service.number2)
        ]

    @app.get("/_control/lines")
    async def lines() -> dict[str, int]:
        now = simulator.ledger.now().replace(tzinfo=None)
        stores = simulator.ledger.accounts.values()
        return dict(Counter(line.number2 or "" for store in stores for line in store.active_services(now)))

    @app.get("/_control/counters")
    async def counters() -> dict[str, int]:
        return dict(simulator.counters)

    @app.get("/_control/faults")
    async def list_faults() -> dict[int, Fault]:
        return simulator.faults.listed()

    @app.post("/_control/faults")
    async def add_fault(fault: Fault) -> dict[str, int]:
        return {"id": simulator.faults.add(fault)}

    @app.delete("/_control/faults")
    async def clear_faults() -> dict[str, bool]:
        simulator.faults.clear()
        return {"ok": True}

    @app.patch("/_control/settings")
    async def change_settings(change: SettingsChange) -> Settings:
        simulator.settings = change.applied_to(simulator.settings)
        return simulator.settings

    @app.post("/_control/services")
    async def plant(service: Service, account: str = Query()) -> dict[str, int | None]:
        return {"id": simulator.ledger.create_service(account, service, planted=True).service_id}

    @app.post("/_control/reset")
    async def reset() -> dict[str, bool]:
        simulator.faults.clear()
        simulator.counters.clear()
        simulator.ledger.reset(simulator.ledger.seed)
        simulator.budgets = {name: Budget(simulator.ledger.clock) for name in simulator.ledger.accounts}
        return {"ok": True}
