"""The fault plan: which call goes wrong, and how. Seeded, and changed or replaced while the simulator runs.

`before` and `after` are before and after the commit: after it the line exists, whatever the caller is told.

| effect | what the caller sees |
| --- | --- |
| `reject_array`, `_object`, `_html`, `_text`, `_empty` | 400 (or `status`) in that shape, nothing done |
| `throttle_header`, `_body`, `_bare` | 429 that says to wait `seconds` in the header, in the text, or not at all |
| `quota`, `forbidden`, `unauthorized` | 403 with Retry-After `seconds`; 403 without; 401 |
| `error_before`, `_after` | 500 (or `status`: 408, 502, 503, 504) with a body of `shape` |
| `timeout_before`, `_after` | nothing for `seconds`, then the connection is cut |
| `drop_before`, `_after`, `drop_midway_after` | the connection is cut: without an answer, or half-way through it |
| `slow`, `slow_after` | the true answer after `seconds`; with `slow` the commit is late too, even if the caller is gone |
| `ok_false_before`, `_after` | 2xx with `ok: false` |
| `no_id_before`, `_after` | 2xx with no body at all |
| `html_before`, `cut_json_`, `invalid_utf8_`, and `_after` | 2xx that can't be read |
| `id_text_before`, `id_zero_`, `id_null_`, and `_after` | on a POST: 201 whose id is a string, 0, or null |
| `other_id_before`, `_after` | on a POST: 201 whose id is the line (or product) of another SIM |
| `huge_after` | the true answer with `megabytes` of padding |
| `drip_after` | a blank every `every` seconds for `seconds`, then the true answer |
| `search_lag` | on a POST: the true answer, but lists miss the line for `seconds` |
| `filters_ignored`, `empty_list` | on a list: everything, or nothing, whatever was asked; see `filters` |
| `wrong_count` | on a list: a `record_count` that isn't the number of records |
| `repeated_id` | on a list: the last record of the page before once more |
| `others_mixed_in` | on a list: three records of other customers in front |
| `has_more_always`, `has_more_never` | on a list: `has_more` lies |
| `page_repeats` | on a list's later pages (or one `page`): the records of the page before, and `has_more` true |
| `list_shifts` | on page 1 of Services (or another `page`): true, then records of that page leave the list: see `shift` |
| `person_first`, `person_then` | the true answer; people do `deeds` right before the call is carried out, or right after |

Which calls: `method`, `path`, `account`, `numbers`, `lines` (ids that the call names), `filters`, `page`, `after`,
`times`, `tries`, `share`. Reading line 11027 is refused for ever by `{"effect": "reject_object", "method": "GET",
"path": "/v1/*", "lines": [11027]}`. Answers about products come late or never where `path` is `/v1/ServiceProduct`.
A wait that makes no sense is `retry_after`, sent as it is, with `throttle_*`, `quota` and `error_*`.

How a list shifts, by `shift`; `leaves` names the records by id, else they are the first `records` of the page:

| shift | what |
| --- | --- |
| `hidden` | lists leave them out for `seconds`; nothing changes in truth |
| `moved` | a person moves them to `to_customer`, or to another customer of the account |
| `disconnected` | a person disconnects them; they leave lists only under the setting `lists_hide_disconnected` |
| `deleted` | a person deletes them |
| `arrived` | a person makes `records` lines that come before the page's first one, wherever the list begins |
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import count
from typing import Literal, Self, get_args

from pydantic import BaseModel, ConfigDict, Field, model_validator

from local.simulators.revio.calls import Call
from local.simulators.revio.faults.draws import Draws
from local.simulators.revio.ledger.people import Deed

Turned = Literal[
    "reject_array", "reject_object", "reject_html", "reject_text", "reject_empty",
    "throttle_header", "throttle_body", "throttle_bare", "quota", "forbidden", "unauthorized",
]  # fmt: skip
OnAnyCall = Literal[
    "error_before", "error_after", "timeout_before", "timeout_after", "drop_before", "drop_after", "drop_midway_after",
    "slow", "slow_after", "ok_false_before", "ok_false_after", "no_id_before", "no_id_after", "html_before",
    "html_after", "cut_json_before", "cut_json_after", "invalid_utf8_before", "invalid_utf8_after", "huge_after",
    "drip_after", "person_first", "person_then",
]  # fmt: skip
OnCreate = Literal[
    "id_text_before", "id_text_after", "id_zero_before", "id_zero_after", "id_null_before", "id_null_after",
    "other_id_before", "other_id_after", "search_lag",
]  # fmt: skip
OnList = Literal[
    "filters_ignored", "empty_list", "wrong_count", "repeated_id", "others_mixed_in", "has_more_always",
    "has_more_never", "page_repeats", "list_shifts",
]  # fmt: skip
Effect = Turned | OnAnyCall | OnCreate | OnList
Shift = Literal["hidden", "moved", "disconnected", "deleted", "arrived"]
BodyShape = Literal["array", "object", "html", "text", "empty"]

ONLY_ON = dict.fromkeys(get_args(OnCreate), "POST") | dict.fromkeys(get_args(OnList), "GET")
TURNED_AWAY = {"throttle_header", "throttle_body", "throttle_bare", "quota"}
"""The call never reached the vendor and costs nothing of the account's budget."""
ANY = "*"


class Fault(BaseModel):
    """One rule: calls that match all it names go wrong, `times` times (null: always), or a `share` of them."""

    model_config = ConfigDict(extra="forbid")

    effect: Effect
    method: str = "POST"
    """`*` is every method. Left out, it is the one the effect is for."""
    path: str = "/v1/Services"
    """With `*` at its end it is the start of a path: `/v1/Services/*` are reads by id."""
    account: str | None = None
    """Only calls of this account, by its name."""
    numbers: list[str] | None = None
    """Only calls whose `number` or `number2`, or that of the line they name by id, is one of these."""
    lines: list[int] | None = None
    """Only calls that name one of these lines by its id: in the path, the query or the body."""
    filters: list[str] | None = None
    """Only lists that use one of these filters; `filters_ignored` then ignores these and no other."""
    page: int | None = Field(None, ge=1)
    """Only lists that are asked for this page."""
    after: int = Field(0, ge=0)
    """How many matching calls are let through first."""
    times: int | None = Field(None, ge=1)
    tries: int | None = Field(None, ge=1)
    """Only the first so many times that the very same request comes."""
    share: float = Field(1.0, gt=0, le=1)
    seconds: float = Field(1.0, ge=0)
    """How long a time-out holds the connection, a slow answer takes, a search lags, a 429 asks to wait, or what is hidden
    by `list_shifts` stays so."""
    retry_after: str | None = None
    """What `Retry-After` (or the text) says instead of `seconds`: `1764400000`, `-5`, a date in the year 9999."""
    status: int | None = Field(None, ge=400, le=599)
    """The status of `reject_*` (400) and `error_*` (500)."""
    shape: BodyShape = "object"
    """The body of `error_*`."""
    every: float = Field(0.2, gt=0)
    """Seconds between two bytes of `drip_after`."""
    megabytes: float = Field(50, ge=0, le=1000)
    shift: Shift = "hidden"
    records: int = Field(1, ge=1)
    leaves: list[int] | None = None
    to_customer: int | None = None
    deeds: list[Deed] = []
    """What people do with `person_first` and `person_then`; what can't be done is skipped."""

    @model_validator(mode="after")
    def _method_suits_effect(self) -> Self:
        only = ONLY_ON.get(self.effect)
        if only and "method" not in self.model_fields_set:
            self.method = only
        if only and self.method != only:
            raise ValueError(f"{self.effect} makes sense on {only} only")
        return self


class Plan(BaseModel):
    """All rules at once. The seed decides who is in a `share`, and each latency."""

    model_config = ConfigDict(extra="forbid")

    seed: int = 1
    faults: list[Fault] = []


class _Rule:
    """A fault with how often it was met."""

    def __init__(self, fault: Fault) -> None:
        self.fault, self.matched, self.met = fault, 0, 0
        self._numbers = None if fault.numbers is None else frozenset(fault.numbers)

    def matches(self, call: Call, account: str, numbers: frozenset[str]) -> bool:
        """Whether a call of an account, which names these numbers, is one the rule is about."""
        fault, start = self.fault, self.fault.path.removesuffix(ANY)
        return (
            fault.method in (call.method, ANY)
            and (call.path == start or (fault.path.endswith(ANY) and call.path.startswith(start)))
            and fault.account in (None, account)
            and (self._numbers is None or not self._numbers.isdisjoint(numbers))
            and (fault.lines is None or not call.lines.isdisjoint(fault.lines))
            and (fault.filters is None or not call.filters.isdisjoint(fault.filters))
            and self._is_page(call)
        )

    def _is_page(self, call: Call) -> bool:
        if self.fault.page is not None:
            return call.page == self.fault.page
        match self.fault.effect:
            case "list_shifts":
                return call.page == 1
            case "page_repeats":
                return call.page > 1
        return True

    @property
    def is_spent(self) -> bool:
        """Whether the rule met as many calls as it was made for."""
        return self.met == self.fault.times


class FaultPlan:
    """The rules in force; the first that matches decides.

    `share` and `tries` are decided for each request by itself: the same seed and rules give the same request the same
    fate, whatever came in between. `after` and `times` count the rule's calls in the order in which they come.
    """

    def __init__(self, seed: int = 1) -> None:
        self.replace(Plan(seed=seed))

    def replace(self, plan: Plan) -> list[int]:
        """Put these rules in force instead of all others, as if nothing had been called yet, and return their ids."""
        self.draws = Draws(plan.seed)
        self._rules: dict[int, _Rule] = {}
        self._ids = count(1)
        return [self.add(fault) for fault in plan.faults]

    def add(self, fault: Fault) -> int:
        """Put a rule in force, after the others, and return its id."""
        rule_id = next(self._ids)
        self._rules[rule_id] = _Rule(fault)
        return rule_id

    def remove(self, rule_id: int) -> None:
        """Take one rule out of force, if it still is."""
        self._rules.pop(rule_id, None)

    def clear(self) -> None:
        """Take all rules out of force."""
        self.replace(Plan(seed=self.draws.seed))

    def listed(self) -> dict[int, Fault]:
        """Return the rules in force."""
        return {rule_id: rule.fault for rule_id, rule in self._rules.items()}

    def draw(self, call: Call, numbers: Iterable[str], request: str, time: int, account: str = "") -> Fault | None:
        """Return the fault that this request meets, come for that time, and count it."""
        asked = frozenset(numbers)
        for rule_id, rule in self._rules.items():
            if rule.matches(call, account, asked) and self._strikes(rule_id, rule, request, time):
                rule.met += 1
                if rule.is_spent:
                    del self._rules[rule_id]
                return rule.fault
        return None

    def _strikes(self, rule_id: int, rule: _Rule, request: str, time: int) -> bool:
        fault = rule.fault
        rule.matched += 1
        return (
            rule.matched > fault.after
            and (fault.tries is None or time <= fault.tries)
            and (fault.share >= 1 or self.draws.fraction(f"fault {rule_id}", request, time) < fault.share)
        )
