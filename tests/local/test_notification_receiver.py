"""The stand-in for the 2.0 system keeps what it took, and takes nothing from strangers."""

from __future__ import annotations

from pathlib import Path

from fastapi.testclient import TestClient

from local.notification_receiver import AmopClient, make_app


def test_it_keeps_what_it_took_over_a_restart_and_fails_as_often_as_told(tmp_path: Path) -> None:
    kept = tmp_path / "received.jsonl"
    known = {"Authorization": "Bearer t"}
    with TestClient(make_app(AmopClient("t", kept))) as client:
        assert client.post("/", json={"n": 1}).status_code == 401
        client.post("/_control/fail?times=1")
        assert client.post("/", json={"n": 2}, headers=known).status_code == 503
        assert client.post("/", json={"n": 3}, headers=known).status_code == 200
    with TestClient(make_app(AmopClient("t", kept))) as client:
        assert client.get("/_control/received").json() == [{"n": 3}]
