"""What each fault of a schedule draws beside its kind and its time."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from typing import Any

LIES = (
    "error_before", "error_after", "timeout_before", "timeout_after", "drop_before", "drop_after", "drop_midway_after",
    "slow_after", "ok_false_before", "ok_false_after", "no_id_before", "no_id_after", "html_after", "cut_json_after",
    "invalid_utf8_after", "id_zero_after", "id_null_after", "reject_object", "reject_html", "reject_empty", "unauthorized",
)  # fmt: skip
LATE_SECONDS = (2.0, 2.0, 7.0, 12.0)
"""How late an answer is: in time, later than a read waits, later than a call waits."""
LIST_LIES = ("error_before", "drop_after", "wrong_count", "repeated_id", "others_mixed_in", "filters_ignored")
ABSURD_WAITS = (
    ("-5", None),
    ("soon", None),
    ("1764400000", "secondary"),
    ("Fri, 31 Dec 9999 23:59:59 GMT", "secondary"),
)
"""Waits that make no sense; those that never end are told to the smaller account only."""
DEEDS: Sequence[str] = ("moves", "renumbers", "swaps_sim", "disconnects", "disconnects later", "reactivates")
SPELLINGS: Sequence[str] = ("plain", "plain", "plain", "filler", "hyphens", "check digit", "phone")


def _lie(chance: random.Random) -> dict[str, Any]:
    about = {"share": round(chance.uniform(0.2, 0.8), 2), "times": chance.randint(1, 4)}
    about |= {"seconds": chance.choice(LATE_SECONDS)}
    kind = chance.random()
    if kind < 0.6:
        return about | {"effect": chance.choice(LIES)}
    if kind < 0.8:
        return about | {"effect": chance.choice(LIES), "path": "/v1/ServiceProduct"}
    return about | {"effect": chance.choice(LIST_LIES), "method": "GET"}


def _turn_away(chance: random.Random) -> dict[str, Any]:
    about = {
        "effect": chance.choice(("throttle_header", "throttle_body", "throttle_bare", "quota")),
        "times": chance.randint(1, 5),
        "seconds": float(chance.randint(1, 4)),
    }
    if chance.random() < 0.6:
        return about
    wait, account = chance.choice(ABSURD_WAITS)
    about |= {"effect": chance.choice(("throttle_header", "throttle_body")), "retry_after": wait, "times": 1}
    return about | ({"account": account} if account else {})


def _shift(chance: random.Random) -> dict[str, Any]:
    shift, leaves = chance.choice(("hidden", "moved", "deleted", "arrived")), chance.sample(range(1, 400), 2)
    return {"shift": shift, "leaves": leaves, "times": chance.randint(1, 3), "seconds": 10.0}


def _filters(chance: random.Random) -> dict[str, Any]:
    names = chance.choice((["customer_id"], ["number"], ["number2"], ["created_date_start"], ["*"]))
    setting = chance.choice(("ignored_filters", "ignored_filters", "empty_filters"))
    return {"setting": setting, "filters": names, "seconds": round(chance.uniform(4, 15), 1)}


def _person(chance: random.Random) -> dict[str, Any]:
    spelling, is_last_moment = chance.choice(SPELLINGS), chance.random() < 0.25
    return {"spelling": spelling, "elsewhere": chance.random() < 0.4, "right before": is_last_moment}


def _pick(chance: random.Random) -> dict[str, Any]:
    return {"pick": round(chance.random(), 4), "copies": chance.randint(1, 3)}


PARTICULARS: Mapping[str, Callable[[random.Random], dict[str, Any]]] = {
    "kill scheduler": lambda chance: {"family": chance.random() < 0.5},
    "kill api-server": lambda chance: {"family": chance.random() < 0.5},
    "kill tasks": lambda chance: {"pick": round(chance.random(), 4), "all": chance.random() < 0.3},
    "receiver fails": lambda chance: {"times": chance.randint(1, 5)},
    "queue hangs": lambda chance: {"seconds": round(chance.uniform(3, 10), 1)},
    "messages twice": _pick,
    "messages held back": lambda chance: {"seconds": chance.randint(4, 15)},
    "messages unreadable": lambda chance: (
        {"body": chance.choice(("garbage", "brackets", "nobody's", "future"))} | _pick(chance)
    ),
    "messages stale": _pick,
    "vendor lies": _lie,
    "vendor is out": lambda chance: {
        "outage": chance.choice(("refuse", "hang", "error")),
        "seconds": round(chance.uniform(3, 12), 1),
    },
    "vendor turns away": _turn_away,
    "vendor lags": lambda chance: {"lag": round(chance.uniform(0.2, 1.5), 1), "seconds": 15.0},
    "vendor's clock is off": lambda chance: {
        "off": chance.choice((-90_000, -3_600, -120, 120, 3_600, 90_000)),
        "seconds": round(chance.uniform(15, 30), 1),
    },
    "person makes": _person,
    "person changes": lambda chance: {"does": chance.choice(DEEDS), "elsewhere": True},
    "lists shift": _shift,
    "pages repeat": lambda chance: {"times": chance.randint(1, 3)},
    "filters lie": _filters,
    "account refused": lambda chance: {
        "account": chance.choice(("northwind", "secondary")),
        "seconds": round(chance.uniform(4, 12), 1),
    },
    "change deleted": lambda chance: {"pick": round(chance.random() / 4, 4)},
    "old worker": lambda chance: {"seconds": round(chance.uniform(2, 10), 1)},
    "dead letters poisoned": lambda chance: {"body": chance.choice(("garbage", "brackets"))},
    "slow disk": lambda chance: {"seconds": round(chance.uniform(1, 6), 1)},
    "frozen scheduler": lambda chance: {"seconds": round(chance.uniform(5, 18), 1)},
    "frozen tasks": lambda chance: {"seconds": round(chance.uniform(8, 18), 1)},
}
"""What a fault draws beside its kind."""
