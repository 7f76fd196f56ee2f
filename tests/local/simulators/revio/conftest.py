from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
import uvicorn
from fastapi.testclient import TestClient

from local.simulators.revio.ledger.ledger import Ledger
from local.simulators.revio.ledger.state_file import StateFile
from local.simulators.revio.server.app import Simulator, make_app
from local.simulators.revio.settings import Settings
from local.stack.ports import free_ports
from tests.flow import Clock
from tests.local.simulators.revio.simulated import SEED, SimulatorClient


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def ledger(clock: Clock) -> Ledger:
    return Ledger(SEED, StateFile(None), clock.seconds)


@pytest.fixture
def web(ledger: Ledger) -> Iterator[TestClient]:
    with TestClient(make_app(Simulator(ledger, Settings()))) as client:
        client.auth = ("writer@ACM", "w")
        client.headers["Ocp-Apim-Subscription-Key"] = "key"
        yield client


@pytest.fixture(scope="session")
def served() -> Iterator[SimulatorClient]:
    simulator = Simulator(Ledger(SEED, StateFile(None)), Settings())
    port = free_ports(1)[0]
    config = uvicorn.Config(
        make_app(simulator), host="127.0.0.1", port=port, log_level="critical", timeout_graceful_shutdown=1
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        thread.join(0.01)
    rev = SimulatorClient(f"http://127.0.0.1:{port}", simulator)
    yield rev
    rev.session.close()
    server.should_exit = True
    thread.join()


@pytest.fixture
def rev(served: SimulatorClient) -> SimulatorClient:
    """Give the simulator as it starts, over real HTTP."""
    served.control("POST", "reset")
    served.simulator.settings = Settings()
    return served
