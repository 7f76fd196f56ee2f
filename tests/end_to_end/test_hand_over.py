"""Between the portal and the queue nothing is lost: not by a queue that is down, not by an api-server that is killed."""

from __future__ import annotations

import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

from local.sample_data import groups
from tests.end_to_end.running import Running
from tests.flow import request

pytestmark = [pytest.mark.end_to_end, pytest.mark.slow]
POSTS = int(os.environ.get("HAND_OVER_POSTS", "9"))
OUTAGE_SECONDS = float(os.environ.get("OUTAGE_SECONDS", "4"))
"""How many requests there are, and how long the queue is down at least; 50 and 60 take minutes."""
DEVICES = groups().plain[700 : 700 + 2 * POSTS]
WITHOUT_LINE = {"CreateRevService": False, "ServiceTypeId": None, "ProviderId": None}


class Client:
    """Asks as a careful program does: a request that got no answer is sent again with its key."""

    def __init__(self, running: Running) -> None:
        self.running = running
        self.token = self.sign_in()
        self.answered: dict[int, int] = {}
        self.unanswered = 0
        self.some_answered = threading.Event()

    def sign_in(self) -> str:
        signed_in = {"username": "dora.ops", "password": self.running.stack.passwords["dora.ops"]}
        answer = requests.post(f"{self.running.stack.airflow_url}/auth/token", json=signed_in, timeout=30)
        return str(answer.json()["access_token"])

    def ask(self, number: int) -> None:
        asked = request(DEVICES[2 * number : 2 * number + 2], Reason=f"hand-over {number}", **WITHOUT_LINE)
        headers = {"Authorization": f"Bearer {self.token}", "Idempotency-Key": f"hand-over-{number}"}
        until = time.monotonic() + 120
        while time.monotonic() < until:
            try:
                answer = requests.post(
                    f"{self.running.stack.airflow_url}/M2M/AssociateCustomer", json=asked, headers=headers, timeout=30
                )
            except (requests.ConnectionError, requests.Timeout):
                self.unanswered += 1
                time.sleep(0.2)
                continue
            assert answer.status_code == 200, answer.text
            self.answered[number] = answer.json()["ChangeId"]
            if len(self.answered) >= POSTS // 3:
                self.some_answered.set()
            return
        raise TimeoutError(f"request {number} got no answer")


def test_every_answered_change_runs_once_though_queue_and_api_server_fail(running: Running) -> None:
    client, stack = Client(running), running.stack
    down_since = time.monotonic()
    with running.without("sqs"):
        with ThreadPoolExecutor(4) as programs:
            asked = [programs.submit(client.ask, number) for number in range(POSTS)]
            assert client.some_answered.wait(60)
            stack.kill("api-server", family=True)
            stack.start("api-server")
            for one in asked:
                one.result()
        assert client.unanswered > 0, "the api-server was killed while requests were out"
        running.wait(lambda: time.monotonic() - down_since > OUTAGE_SECONDS)
    running.api().post("/api/v2/dags/sweep_associations/dagRuns", {"logical_date": None})

    states = running.table("change_state")
    changes = [one["bulkchangeid"] for one in states if str(one["reason"]).startswith("hand-over")]
    assert sorted(changes) == sorted(client.answered.values()), "none is stored twice or without its answer"
    for change_id in changes:
        assert running.ended(change_id) == "PROCESSED"
    for number, change_id in client.answered.items():
        assert running.codes(change_id) == dict.fromkeys(DEVICES[2 * number : 2 * number + 2], "PROCESSED")
    written = [
        (one["bulkchangeid"], one["iccid"], one["changedfield"])
        for one in running.table("deviceactionhistory", "dbo")
        if one["bulkchangeid"] in changes
    ]
    assert len(written) == len(set(written)), "each change did its work once"
    assert {change_id for change_id, _, _ in written} == set(changes)
