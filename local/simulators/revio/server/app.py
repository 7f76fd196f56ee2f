"""The simulator over HTTP: outages, credentials, limits, faults, latency; then the vendor's own answer."""

from __future__ import annotations

import asyncio
import base64
import binascii
import secrets
from collections import Counter

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from local.simulators.revio.calls import Call, read_call
from local.simulators.revio.faults.draws import latency_seconds
from local.simulators.revio.faults.outage import OutageSwitch
from local.simulators.revio.faults.plan import TURNED_AWAY, Fault, FaultPlan
from local.simulators.revio.ledger.ledger import Ledger
from local.simulators.revio.ledger.people import carry_out_all
from local.simulators.revio.ledger.seed import User
from local.simulators.revio.server.control import control_app
from local.simulators.revio.server.effects import Told, refusal, settings_under, told_instead, unmet
from local.simulators.revio.server.limits import Budget
from local.simulators.revio.server.responses import JSON, Hangup, Silence, failure, not_signed_in, told, turned_away
from local.simulators.revio.server.timeline import Timeline
from local.simulators.revio.settings import Settings
from local.simulators.revio.vendor.account import SimulatedAccount
from local.simulators.revio.vendor.parameters import Refused


class Simulator:
    """One simulated vendor, with everything about it that can change while it runs."""

    def __init__(self, ledger: Ledger, settings: Settings, seed: int = 1) -> None:
        self.ledger, self.settings, self.faults = ledger, settings, FaultPlan(seed)
        self.outage = OutageSwitch(ledger.clock)
        self.counters: Counter[str] = Counter()
        self._start_meters()

    def reset(self) -> None:
        """Forget everything and start from the seed; settings stay."""
        self.faults.clear()
        self.outage.end()
        self.counters.clear()
        self.ledger.reset(self.ledger.seed)
        self._start_meters()

    async def call(self, request: Request) -> Response:
        """Answer one call under /v1."""
        at, call = self.ledger.clock(), Call(request.method, request.url.path, {})
        if self.outage.kind:
            return self._count(call, _down(self.outage.kind))
        signed_in = self._sign_in(request)
        if signed_in is None:
            return self._count(call, not_signed_in())
        account, user = signed_in
        call, timeline = await read_call(request), self.timelines[account]
        if (away := self.budgets[account].admit(self.settings)) is not None:
            response = turned_away(away, self.settings.throttle_shape)
            timeline.turn_away(at, told(response))
            return self._count(call, response)
        fault, latency = self._meet(call, account)
        if fault and fault.effect in TURNED_AWAY:
            self.budgets[account].give_back()
            response = self._answer(call, account, user, fault)
            timeline.turn_away(at, told(response))
            return self._count(call, response)
        timeline.accept(at, call.verb)
        await asyncio.sleep(latency)
        response = self._answer(call, account, user, fault)
        timeline.answer(at, call.verb, told(response))
        return self._count(call, response)

    def _meet(self, call: Call, account: str) -> tuple[Fault | None, float]:
        """Return the rule that the call meets, if any, and how many seconds it takes."""
        numbers, draws = call.numbers(self.ledger.accounts[account]), self.faults.draws
        same = f"{account}|{call.identity(numbers)}"
        time = draws.count(same)
        fault = self.faults.draw(call, numbers, same, time, account)
        seconds = latency_seconds(self.settings, draws.fraction("latency", same, time))
        return fault, seconds + (fault.seconds if fault and fault.effect == "slow" else 0)

    def _answer(self, call: Call, account: str, user: User, fault: Fault | None) -> Response:
        store = self.ledger.accounts[account]
        if fault and (early := refusal(fault) or told_instead(Told(fault, call, store, unmet(call, store)), "before")):
            return early
        if fault and fault.effect == "person_first":
            carry_out_all(self.ledger, fault.deeds)
        vendor = SimulatedAccount(self.ledger, account, user, settings_under(fault, self.settings))
        try:
            answer = vendor.answer(call, fault)
        except Refused as refused:
            return JSONResponse(refused.body, refused.status)
        if fault and fault.effect == "person_then":
            carry_out_all(self.ledger, fault.deeds)
        if fault and (late := told_instead(Told(fault, call, store, answer), "after")):
            return late
        location = {"Location": f"{call.path}/{answer.id}"} if answer.id else {}
        return Response(answer.text, answer.status, headers=location, media_type=JSON)

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

    def _count(self, call: Call, response: Response) -> Response:
        self.counters[call.verb] += 1
        self.counters[f"status {told(response)}"] += 1
        return response

    def _start_meters(self) -> None:
        self.budgets = {name: Budget(self.ledger.clock) for name in self.ledger.accounts}
        self.timelines = {name: Timeline(self.ledger.clock()) for name in self.ledger.accounts}


def make_app(simulator: Simulator) -> ASGIApp:
    """Return the simulator as an ASGI application that can also cut a connection."""
    control = control_app(simulator)

    async def outermost(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not scope["path"].startswith("/v1/"):
            await control(scope, receive, send)
            return
        scope["hang_up"] = lambda: send.__self__.transport.abort()  # type: ignore[attr-defined]
        response = await simulator.call(Request(scope, receive))
        await response(scope, receive, send)

    return outermost


def _down(kind: str) -> Response:
    match kind:
        case "refuse":
            return Hangup()
        case "hang":
            return Silence()
    return failure(503, "html", "Service Unavailable")
