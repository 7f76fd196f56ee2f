"""Starts the simulator: `python -m local.simulators.revio --port 18500 --seed-file seed.json`."""

from __future__ import annotations

import argparse
import gc
import json
from pathlib import Path

import uvicorn

from local.simulators.revio.ledger.ledger import Ledger
from local.simulators.revio.ledger.seed import Seed
from local.simulators.revio.ledger.state_file import StateFile
from local.simulators.revio.server.app import Simulator, make_app
from local.simulators.revio.settings import Settings


def main() -> None:
    """Serve until ended."""
    parser = argparse.ArgumentParser(prog="python -m local.simulators.revio")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--seed-file", type=Path)
    parser.add_argument("--state-file", type=Path)
    parser.add_argument("--latency-ms", type=float, default=0)
    parser.add_argument("--calls-per-minute", type=int, default=500)
    parser.add_argument("--random-seed", type=int, default=1, help="seed of the fault plan")
    parser.add_argument("--settings", default="{}", help="more settings as JSON, which a reset keeps")
    given = parser.parse_args()
    seed = Seed.model_validate_json(given.seed_file.read_text(encoding="utf-8")) if given.seed_file else Seed()
    settings = Settings.model_validate(
        {"latency_ms": given.latency_ms, "calls_per_minute": given.calls_per_minute} | json.loads(given.settings)
    )
    simulator = Simulator(Ledger(seed, StateFile(given.state_file)), settings, given.random_seed)
    gc.freeze()  # what was loaded stays; going through it again and again would stop the clock for 0.1 s at a time
    uvicorn.run(
        make_app(simulator),
        host=given.host,
        port=given.port,
        log_level="warning",
        access_log=False,
        timeout_graceful_shutdown=1,  # a client that waits out an outage must not keep the simulator from ending
    )


if __name__ == "__main__":
    main()
