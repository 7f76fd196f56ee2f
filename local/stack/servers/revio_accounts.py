"""What the Rev.io simulator starts with, and how Airflow signs in to its accounts."""

from __future__ import annotations

import json
from typing import Any

from local.stack.secrets import StackSecrets, write_private
from local.stack.settings import HOST, LocalSettings


def ensure_seed(settings: LocalSettings, secrets: StackSecrets) -> None:
    """Write the simulator's seed file if there is none: the sample accounts, with this stack's own keys."""
    if settings.seed_file.exists():
        return
    from local.sample_data import revio_seed  # here: `python -m local` finds the product's code only once it runs

    seed = revio_seed()
    for account in seed["accounts"]:
        account["subscription_key"] = secrets.revio(account["name"], "subscription key")
        for user in account["users"]:
            user["password"] = secrets.revio(account["name"], user["login"])
    write_private(settings.seed_file, json.dumps(seed))


def connections(settings: LocalSettings) -> dict[str, dict[str, Any]]:
    """Return the Airflow connection of every simulated account, by connection id: the first user who may write."""
    seed: dict[str, Any] = json.loads(settings.seed_file.read_text(encoding="utf-8"))
    return {f"revio_{account['name']}": _connection(settings, account) for account in seed["accounts"]}


def _connection(settings: LocalSettings, account: dict[str, Any]) -> dict[str, Any]:
    user = next(one for one in account["users"] if not one.get("read_only"))
    manners = settings.revio_manners
    zone = manners.get("account_time_zones", {}).get(account["name"], manners.get("time_zone"))
    return {
        "conn_type": "http",
        "schema": "http",
        "host": HOST,
        "port": settings.revio_port,
        "login": f"{user['login']}@{account['client_code']}",
        "password": user["password"],
        "extra": {
            "subscription_key": account["subscription_key"],
            "calls_per_minute": settings.revio_calls_per_minute,
            **({"time_zone": zone} if zone else {}),
        },
    }
