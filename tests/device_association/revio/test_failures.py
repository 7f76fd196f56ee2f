"""Every row of the contract's failure table, for every verb, over a real socket; and what a told wait is."""

from __future__ import annotations

import socket
from datetime import UTC, datetime

import pytest

from device_association.domain.errors import (
    RevioError,
    RevioOutcomeUnknown,
    RevioRejected,
    RevioRetryable,
    RevioUnauthorized,
)
from device_association.revio.accounts import Account
from device_association.revio.client import RevioClient
from device_association.revio.transport import Timeouts
from tests.raw_server import Step, answer, hang_up, say, say_and_close, serving, silence

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
QUICK = Timeouts(connect=5, read=0.3, call=10)
"""A silent server is given up soon; a busy machine has time to connect: who did not connect has sent nothing."""
PATIENT = Timeouts(connect=2, read=5, call=10)
BODY = {"customer_id": 1}
LIMIT_TEXT = b'{"statusCode": 429, "message": "Rate limit is exceeded. Try again in 7 seconds."}'
QUOTA_TEXT = b'{"statusCode": 403, "message": "Out of call volume quota. Quota will be replenished in 01:02:03."}'
REFUSALS = {
    "array": b'[{"field": "number", "message": "too long"}]',
    "object": b'{"ok": false, "errors": {"number": ["too long"]}}',
    "HTML": b"<html><body><h1>too</h1> long</body></html>",
    "empty": b"",
}
SURE: dict[str, tuple[Step, type[RevioError]]] = {
    **{
        f"{status} {shape}": (say(answer(status, body)), RevioRejected)
        for status in (400, 404, 405)
        for shape, body in REFUSALS.items()
    },
    "409": (say(answer(409)), RevioRejected),
    "422": (say(answer(422)), RevioRejected),
    "401": (say(answer(401, b'{"ok": false, "error": "wrong"}')), RevioUnauthorized),
    "401 with Retry-After": (say(answer(401, b"", "Retry-After: 7")), RevioUnauthorized),
    "403": (say(answer(403, b'{"ok": false, "error": "role"}')), RevioUnauthorized),
    "403 with Retry-After": (say(answer(403, b"", "Retry-After: 7")), RevioRetryable),
    "403 with an unreadable Retry-After": (say(answer(403, b"", "Retry-After: soon")), RevioRetryable),
    "403 that names the quota": (say(answer(403, QUOTA_TEXT)), RevioRetryable),
    "429 with Retry-After": (say(answer(429, b"", "Retry-After: 7")), RevioRetryable),
    "429 that says it in its body": (say(answer(429, LIMIT_TEXT)), RevioRetryable),
    "429 that says nothing": (say(answer(429)), RevioRetryable),
}
"""The same for every verb: Rev.io refused the call, or turned it away."""
DOUBTFUL: dict[str, Step] = {
    **{str(status): say(answer(status)) for status in (408, 499, 500, 502, 503, 504, 599)},
    "503 with Retry-After": say(answer(503, b"", "Retry-After: 7")),
    "101": say(answer(101)),
    "no answer in time": silence,
    "dropped before the answer": hang_up,
    "dropped within the headers": say_and_close(b"HTTP/1.1 201 Created\r\nContent-Le"),
    "dropped within the body": say_and_close(b'HTTP/1.1 201 x\r\nContent-Length: 99\r\n\r\n{"ok": true, "id": 5}'),
    "no HTTP": say_and_close(b"220 smtp.example.com ESMTP\r\n"),
    "two lengths": say(b"HTTP/1.1 201 x\r\nContent-Length: 2, 3\r\n\r\n{}"),
    "no gzip": say(answer(201, b'{"ok": true, "id": 5}', "Content-Encoding: gzip")),
    "2xx HTML": say(answer(200, b"<html>Welcome</html>")),
    "2xx cut JSON": say(answer(201, b'{"ok": true, "id": 11')),
    "2xx invalid UTF-8": say(answer(201, b'{"ok": true, "id": 11, "x": "\xff"}')),
    "2xx too deep": say(answer(201, b"[" * 200_000)),
    "2xx array": say(answer(201, b"[5]")),
    "2xx ok:false": say(answer(200, b'{"ok": false, "id": 5, "records": []}')),
    "2xx ok:null": say(answer(200, b'{"ok": null, "id": 5, "records": []}')),
    "2xx empty": say(answer(201)),
    "204": say(answer(204)),
}
"""Only what reads may be repeated after it."""
NO_ID = ["null", '"11"', "true", "0", "-1", "11.0", "1e3", "NaN", "[11]", "2147483648", "9" * 5000]


def call(account: Account, method: str, timeouts: Timeouts = PATIENT) -> None:
    client = RevioClient(account, timeouts=timeouts, clock=lambda: NOW)
    client.call(method, "/v1/Services", None if method == "GET" else BODY)


@pytest.mark.parametrize("method", ["GET", "POST", "DELETE", "PATCH"])
@pytest.mark.parametrize(("step", "error"), SURE.values(), ids=SURE.keys())
def test_a_refusal_means_the_same_for_every_verb(method: str, step: Step, error: type[RevioError]) -> None:
    with serving(step) as server, pytest.raises(RevioError) as failed:
        call(server.account(), method)
    assert type(failed.value) is error
    assert len(server.requests) == 1


@pytest.mark.parametrize("method", ["GET", "POST", "DELETE", "PATCH"])
@pytest.mark.parametrize("step", DOUBTFUL.values(), ids=DOUBTFUL.keys())
def test_after_a_doubtful_end_only_what_reads_may_be_repeated(method: str, step: Step) -> None:
    with serving(step) as server, pytest.raises(RevioError) as failed:
        call(server.account(), method, QUICK)
    assert type(failed.value) is (RevioRetryable if method == "GET" else RevioOutcomeUnknown)
    assert len(server.requests) == 1


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("method", ["GET", "POST", "DELETE", "PATCH"])
def test_a_redirect_is_followed_by_nobody(method: str, status: int) -> None:
    with (
        serving(say(answer(status, b"", "Location: /v1/Elsewhere"))) as server,
        pytest.raises(RevioRejected if method == "GET" else RevioOutcomeUnknown),
    ):
        call(server.account(), method)
    assert len(server.requests) == 1


@pytest.mark.parametrize("method", ["GET", "POST", "DELETE", "PATCH"])
def test_what_was_never_sent_may_be_repeated_by_every_verb(method: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        nobody = closed.getsockname()[1]
    for url in (f"http://127.0.0.1:{nobody}", "http://nowhere.invalid", f"http://{'x' * 70}.invalid"):
        with pytest.raises(RevioRetryable, match="could not be reached"):
            call(Account("revio", url, "a@b", "p", "k"), method)


def test_a_host_that_does_not_take_the_connection_was_never_sent_anything() -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=0) as full:
        waiting = [socket.socket() for _ in range(3)]
        for one in waiting:
            one.setblocking(False)
            one.connect_ex(full.getsockname())
        with pytest.raises(RevioRetryable, match="could not be reached"):
            call(
                Account("revio", f"http://127.0.0.1:{full.getsockname()[1]}", "a@b", "p", "k"),
                "POST",
                Timeouts(0.5, 5, 10),
            )
        for one in waiting:
            one.close()


@pytest.mark.parametrize("created", NO_ID)
def test_a_create_without_a_positive_id_may_have_created(created: str) -> None:
    with serving(say(answer(201, f'{{"ok": true, "id": {created}}}'.encode()))) as server:
        client = RevioClient(server.account(), timeouts=PATIENT)
        for create in (client.create_line, client.create_product):
            with pytest.raises(RevioOutcomeUnknown):
                create(BODY)


def test_a_create_without_any_id_may_have_created() -> None:
    with serving(say(answer(201, b'{"ok": true}'))) as server, pytest.raises(RevioOutcomeUnknown):
        RevioClient(server.account(), timeouts=PATIENT).create_line(BODY)


@pytest.mark.parametrize(
    ("told", "date", "seconds"),
    [
        ("7", None, 7.0),
        (" 7 ", None, 7.0),
        ("1.5", None, 1.5),
        ("0", None, 0.0),
        ("86400", None, 86400.0),
        ("9" * 400, None, 1e9),
        ("Tue, 24 Nov 2026 12:00:30 GMT", None, 30.0),
        ("Tue, 24 Nov 2026 12:00:30 GMT", "Tue, 24 Nov 2026 12:00:10 GMT", 20.0),
        ("Tue, 24 Nov 2026 11:00:00 GMT", None, 0.0),
        ("Tue, 24 Nov 2026 12:00:30 GMT", "no date", 30.0),
        ("-7", None, None),
        ("\xb2", None, None),
        ("soon", None, None),
        ("", None, None),
    ],
)
def test_a_told_wait_is_understood_and_never_negative(told: str, date: str | None, seconds: float | None) -> None:
    headers = [f"Retry-After: {told}", *([f"Date: {date}"] if date else [])]
    with serving(say(answer(429, b"", *headers))) as server, pytest.raises(RevioRetryable) as turned_away:
        call(server.account(), "POST")
    assert turned_away.value.retry_after == seconds


@pytest.mark.parametrize(
    ("status", "body", "seconds"),
    [(429, LIMIT_TEXT, 7.0), (403, QUOTA_TEXT, 3723.0), (429, b"slow down", None), (429, b"", None)],
)
def test_a_wait_may_be_told_by_the_body_alone(status: int, body: bytes, seconds: float | None) -> None:
    with serving(say(answer(status, body))) as server, pytest.raises(RevioRetryable) as turned_away:
        call(server.account(), "POST")
    assert turned_away.value.retry_after == seconds


def test_a_read_that_is_put_off_says_for_how_long() -> None:
    with serving(DOUBTFUL["503 with Retry-After"]) as server, pytest.raises(RevioRetryable) as put_off:
        call(server.account(), "GET")
    assert put_off.value.retry_after == 7
