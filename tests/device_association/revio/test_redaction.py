"""No secret and no customer's data shows in an error or a log, whatever a server echoes and wherever."""

from __future__ import annotations

import html
import json
import logging
import traceback
from base64 import b64encode
from collections.abc import Callable
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as some

from device_association.domain.errors import RevioError
from device_association.revio.accounts import Account
from device_association.revio.client import RevioClient
from device_association.revio.transport import Answer, Timeouts
from tests.raw_server import answer, say, say_and_close, serving

PERSON = {
    "first_name": "Wilhelmina",
    "email": "wil.h@acme.example",
    "security_pin": "PIN90210",
    "billing_address": {"line1": "12 Elmwood"},
}
PERSONAL = ["Wilhelmina", "wil.h@acme.example", "PIN90210", "Elmwood"]
SECRETS = some.text(
    some.characters(min_codepoint=33, max_codepoint=0x24F, exclude_characters="\x7f", exclude_categories=["C", "Z"]),
    min_size=5,
    max_size=40,
).map("Zq9".__add__)


def headers(account: Account) -> str:
    token = b64encode(f"{account.login}:{account.password}".encode()).decode()
    return f"Authorization: Basic {token}\nOcp-Apim-Subscription-Key: {account.subscription_key}\npw={account.password}"


ECHOES: dict[str, Callable[[Account], bytes]] = {
    "text": lambda account: headers(account).encode(),
    "text without line ends": lambda account: headers(account).replace("\n", "").encode(),
    "HTML": lambda account: f"<html><pre>{html.escape(headers(account))}</pre></html>".encode(),
    "HTML, not escaped": lambda account: f"<html><pre>{headers(account)}</pre></html>".encode(),
    "JSON message": lambda account: json.dumps({"ok": False, "message": headers(account)}).encode(),
    "JSON in JSON": lambda account: json.dumps({"error": json.dumps({"h": headers(account)})}).encode(),
    "JSON array": lambda account: json.dumps([{"field": "h", "message": headers(account)}]).encode(),
    "JSON keys": lambda account: json.dumps({"error": {headers(account): headers(account)}}).encode(),
    "cut JSON": lambda account: json.dumps({"message": headers(account)}).encode()[:-2],
    "in a URL": lambda account: f"bad ?a={quote(account.password)}&b={quote_plus(account.password)}".encode(),
    "UTF-16": lambda account: headers(account).encode("utf-16"),
    "UTF-16 without a mark": lambda account: headers(account).encode("utf-16-le"),
    "Latin 1": lambda account: headers(account).encode("latin-1", "replace"),
    "two encodings": lambda account: headers(account).encode() + b"\xff",
    "after much": lambda account: b"<p>" * 21_820 + headers(account).encode() * 30,
    "across the cut": lambda account: b"<>" * 32_764 + account.password.encode() * 2,
    "HTML by numbers": lambda account: "".join(f"&#{ord(one)};" for one in account.password).encode(),
    "a customer": lambda _: json.dumps({"ok": False, "error": {"said": "closed", "customer": PERSON}}).encode(),
    "a customer in a list": lambda _: json.dumps({"records": [PERSON], "ok": False}).encode(),
    "a cut customer": lambda _: json.dumps({"records": [PERSON]}).encode()[:-3],
    "a customer's mail": lambda _: b"wil.h@acme.example is unknown",
}


class Echo:
    def __init__(self, status: int, body: bytes) -> None:
        self.answer = Answer(status, {}, body)

    def send(self, *_: object) -> Answer:
        return self.answer


def traces(account: Account) -> list[str]:
    token = b64encode(f"{account.login}:{account.password}".encode()).decode()
    starts = [account.password[:7], account.subscription_key[:7], token[:16]]
    return [account.password, account.subscription_key, token, *starts, *PERSONAL]


def shown(error: BaseException) -> str:
    return f"{error} {error!r} {error.args} {''.join(traceback.format_exception(error))}"


@pytest.mark.parametrize("echo", ECHOES.values(), ids=ECHOES.keys())
@pytest.mark.parametrize("status", [201, 302, 400])
@given(password=SECRETS, key=some.text("0123456789abcdefXYZ-._~+/=<&\"'\\", min_size=5, max_size=40).map("Zk7".__add__))
@example(password='Zq9p"w<b>&\\z%+x', key="Zk7456789abcdef")
@settings(max_examples=5, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_no_echo_of_a_secret_shows(echo: Callable[[Account], bytes], status: int, password: str, key: str) -> None:
    account = Account("revio", "http://x", "association@nwt", password, key)
    client = RevioClient(account, transport=Echo(status, echo(account)))  # type: ignore[arg-type]
    for call in (lambda: client.create_line({}), lambda: list(client.lines()), client.check_credentials):
        try:
            call()
        except RevioError as error:
            said = shown(error)
            found = [trace for trace in traces(account) if trace in html.unescape(str(error))]
            assert not found, said
    assert not [trace for trace in traces(account) if trace in f"{account!r}{client!r}{client.__dict__!r}"]


def test_what_helps_still_shows() -> None:
    said = {
        b'[{"field": "number", "message": "is  too long"}]': "field: number; message: is too long",
        b'{"ok": false, "errors": {"number": ["is taken", "is old"]}}': "ok: False; number: is taken; number: is old",
        b"<html><h1>Bad</h1> gateway</html>": "Bad gateway",
        b"": "(empty)",
        b'{"data": 5}': "JSON of 11 bytes that names no error",
        b'{"message": "cut': "unreadable JSON of 16 bytes",
    }
    account = Account("revio_northwind", "http://x", "association@nwt", "pass-w0rd", "key-1234")
    for body, shows in said.items():
        with pytest.raises(RevioError) as failed:
            RevioClient(account, transport=Echo(400, body)).create_line({})  # type: ignore[arg-type]
        assert str(failed.value) == f"revio_northwind: POST /v1/Services was answered 400: {shows}"


def test_nothing_shows_in_a_log_even_where_headers_cannot_be_read(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        for make in (
            lambda echoed: say(answer(400, echoed)),
            lambda echoed: say(answer(400, b"", "X-Echo: " + echoed.decode(), "no colon " + echoed.decode())),
            lambda echoed: say_and_close(b"HTTP/1.1 " + echoed + b"\r\n\r\n"),
            lambda echoed: say(b"HTTP/1.1 201 x\r\nContent-Length: 3, " + echoed + b"\r\n\r\n{}"),
        ):
            with serving(say(b"")) as silent:
                account = silent.account()
            echoed = headers(account).replace("\n", " ").encode()
            with serving(make(echoed)) as server, pytest.raises(RevioError) as failed:
                RevioClient(server.account(), timeouts=Timeouts(5, 0.3, 10)).create_line({})
            assert not [trace for trace in traces(account) if trace in shown(failed.value)]
    assert not [trace for trace in traces(account) if trace in caplog.text]
