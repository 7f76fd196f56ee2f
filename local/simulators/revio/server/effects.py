"""What each effect of the fault plan makes of an answer."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass

from starlette.responses import HTMLResponse, JSONResponse, Response

from local.simulators.revio.calls import Call
from local.simulators.revio.faults.plan import Fault
from local.simulators.revio.ledger.store import AccountStore
from local.simulators.revio.server.limits import TurnedAway
from local.simulators.revio.server.responses import (
    JSON,
    CutAnswer,
    Dripping,
    Hangup,
    Late,
    Padded,
    failure,
    not_signed_in,
    turned_away,
)
from local.simulators.revio.settings import EVERY_FILTER, Settings
from local.simulators.revio.vendor.account import Answer

REFUSED = "refused by the fault plan"
NOBODYS_ID = 2**31 - 1


@dataclass(frozen=True, slots=True)
class Told:
    """A call, the rule it met, and what the vendor would have said."""

    fault: Fault
    call: Call
    store: AccountStore
    answer: Answer

    def with_id(self, value: object) -> Response:
        """Return a success that names this id."""
        return JSONResponse({"ok": True, "id": value}, self.answer.status)


def unmet(call: Call, store: AccountStore) -> Answer:
    """Return a success that no deed stands behind."""
    if call.method != "POST":
        return Answer(200, b'{"ok":true}')
    made = store.next_service_id() if call.resource == "Services" else store.next_service_product_id()
    return Answer(201, b'{"ok":true,"id":%d}' % made, made)


def settings_under(fault: Fault | None, settings: Settings) -> Settings:
    """Return the settings as they are for a call that meets this rule."""
    if fault and fault.effect == "search_lag":
        return settings.model_copy(update={"search_lag_seconds": fault.seconds})
    if fault and fault.effect == "filters_ignored":
        return settings.model_copy(update={"ignored_filters": fault.filters or [EVERY_FILTER]})
    return settings


def refusal(fault: Fault) -> Response | None:
    """Return what a call is told that is not let in or refused as it is; nothing for the other effects."""
    kind, _, shape = fault.effect.partition("_")
    wait = max(0, round(fault.seconds))
    match kind:
        case "reject":
            return failure(fault.status or 400, shape, REFUSED)  # type: ignore[arg-type]  # named like the shapes
        case "throttle":
            return turned_away(TurnedAway("minute", wait), shape, fault.retry_after)
        case "quota":
            return turned_away(TurnedAway("day", wait), "header", fault.retry_after)
        case "forbidden":
            return failure(403, "object", "this role may not do that")
        case "unauthorized":
            return not_signed_in()
    return None


def told_instead(told: Told, when: str) -> Response | None:
    """Return what the caller is told `before` or `after` the commit, or nothing where the effect leaves the answer."""
    kind, _, moment = told.fault.effect.rpartition("_")
    return INSTEAD[kind](told) if moment == when else None


def _unreadable(told: Told) -> Response:
    broken = told.answer.text.rstrip()[:-1] + b', "note": "\xc3\x28"}'
    return Response(broken, told.answer.status, media_type=JSON)


def _half(told: Told) -> Response:
    return Response(told.answer.text[: len(told.answer.text) // 2], told.answer.status, media_type=JSON)


def _of_another(told: Told) -> Response:
    """Answer with an id that is there, but belongs to another SIM."""
    body = told.call.body if isinstance(told.call.body, dict) else {}
    if told.call.resource == "ServiceProduct":
        return told.with_id(told.store.product_of_another_line(body.get("service_id")) or NOBODYS_ID)
    return told.with_id(told.store.line_of_another_sim(body.get("customer_id"), body.get("number2")) or NOBODYS_ID)


INSTEAD: dict[str, Callable[[Told], Response]] = {
    "error": lambda told: failure(told.fault.status or 500, told.fault.shape, "internal", told.fault.retry_after),
    "timeout": lambda told: Hangup(told.fault.seconds),
    "drop": lambda _: Hangup(),
    "drop_midway": lambda told: CutAnswer(told.answer.text, told.answer.status, media_type=JSON),
    "slow": lambda told: Late(Response(told.answer.text, told.answer.status, media_type=JSON), told.fault.seconds),
    "ok_false": lambda told: JSONResponse({"ok": False, "error": "internal"}, told.answer.status),
    "no_id": lambda told: Response(status_code=told.answer.status),
    "html": lambda told: HTMLResponse("<html><body>We'll be right back</body></html>", told.answer.status),
    "cut_json": _half,
    "invalid_utf8": _unreadable,
    "id_text": lambda told: told.with_id(json.dumps(told.answer.id)),
    "id_zero": lambda told: told.with_id(0),
    "id_null": lambda told: told.with_id(None),
    "other_id": _of_another,
    "huge": lambda told: Padded(told.answer.text, told.answer.status, told.fault.megabytes),
    "drip": lambda told: Dripping(told.answer.text, told.answer.status, told.fault.seconds, told.fault.every),
}
