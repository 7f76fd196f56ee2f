"""The client against the simulator over real HTTP: every row of the failure table, and what a match is."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import pytest
import requests
import uvicorn

from device_association.domain.errors import (
    ConfigurationError,
    RevioOutcomeUnknown,
    RevioRejected,
    RevioRetryable,
    RevioUnauthorized,
)
from device_association.revio.accounts import Account
from device_association.revio.client import RevioClient
from device_association.revio.lines import Line
from device_association.revio.responses import parse_moment
from device_association.revio.sims import Sim
from device_association.revio.transport import Timeouts
from local.sample_data import groups, revio_seed, world
from local.simulators.revio.ledger.ledger import Ledger
from local.simulators.revio.ledger.seed import Seed
from local.simulators.revio.ledger.state_file import StateFile
from local.simulators.revio.server.app import Simulator, make_app
from local.simulators.revio.settings import Settings
from local.stack.ports import free_ports

ICCID = groups().plain[0]
BODY = {"customer_id": int(world.ACME), "provider_id": 21, "service_type_id": 11, "number": "1", "number2": ICCID}


@pytest.fixture(scope="module")
def served() -> Iterator[tuple[str, Simulator]]:
    simulator = Simulator(
        Ledger(Seed.model_validate(revio_seed(lambda *names: "-".join(names))), StateFile(None)), Settings()
    )
    port = free_ports(1)[0]
    server = uvicorn.Server(uvicorn.Config(make_app(simulator), host="127.0.0.1", port=port, log_level="critical"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        thread.join(0.01)
    yield f"http://127.0.0.1:{port}", simulator
    server.should_exit = True
    thread.join()


@pytest.fixture
def account(served: tuple[str, Simulator]) -> Account:
    url, simulator = served
    requests.post(f"{url}/_control/reset", timeout=5).raise_for_status()
    simulator.settings = Settings()
    return Account("revio_northwind", url, "association@nwt", "northwind-association", "northwind-subscription_key")


@pytest.fixture
def client(account: Account) -> RevioClient:
    return RevioClient(account, timeouts=Timeouts(connect=5, read=1, call=10))


def fault(account: Account, effect: str, **more: Any) -> None:
    requests.post(f"{account.base_url}/_control/faults", json={"effect": effect} | more, timeout=5).raise_for_status()


def created(account: Account) -> int:
    return len(requests.get(f"{account.base_url}/_control/journal", params={"number2": ICCID}, timeout=5).json())


def test_a_line_is_created_and_found_again(account: Account, client: RevioClient) -> None:
    service_id = client.create_line(BODY)
    found = list(client.lines(customer_id=int(world.ACME), number2=ICCID))
    assert [line.service_id for line in found] == [service_id]
    assert created(account) == 1


def test_a_customer_s_lines_come_in_pages_each_once(client: RevioClient) -> None:
    lines = list(client.lines(customer_id=int(world.ACME)))
    assert len(lines) == len({line.service_id for line in lines}) == 210


def test_without_a_filter_the_lines_of_every_customer_come_each_once(client: RevioClient) -> None:
    lines = list(client.lines())
    assert len(lines) == len({line.service_id for line in lines}) == 213
    assert {line.customer_id for line in lines} == {int(world.ACME), int(world.BOREALIS)}


@pytest.mark.parametrize(
    ("effect", "error", "lines"),
    [
        ("reject_array", RevioRejected, 0),
        ("reject_object", RevioRejected, 0),
        ("reject_html", RevioRejected, 0),
        ("reject_empty", RevioRejected, 0),
        ("throttle_header", RevioRetryable, 0),
        ("throttle_body", RevioRetryable, 0),
        ("quota", RevioRetryable, 0),
        ("error_before", RevioOutcomeUnknown, 0),
        ("error_after", RevioOutcomeUnknown, 1),
        ("timeout_before", RevioOutcomeUnknown, 0),
        ("timeout_after", RevioOutcomeUnknown, 1),
        ("drop_before", RevioOutcomeUnknown, 0),
        ("drop_after", RevioOutcomeUnknown, 1),
        ("ok_false_after", RevioOutcomeUnknown, 1),
        ("no_id_after", RevioOutcomeUnknown, 1),
    ],
)
def test_what_a_failed_create_means(
    account: Account, client: RevioClient, effect: str, error: type[Exception], lines: int
) -> None:
    fault(account, effect, times=1)
    with pytest.raises(error):
        client.create_line(BODY)
    assert created(account) == lines


@pytest.mark.parametrize("effect", ["error_before", "timeout_before", "drop_before"])
def test_the_same_on_a_list_is_only_worth_another_try(account: Account, client: RevioClient, effect: str) -> None:
    fault(account, effect, method="GET", times=1)
    with pytest.raises(RevioRetryable):
        list(client.lines(customer_id=int(world.ACME)))


@pytest.mark.parametrize("effect", ["throttle_header", "throttle_body", "quota"])
def test_a_call_that_is_turned_away_says_how_long_to_wait(account: Account, client: RevioClient, effect: str) -> None:
    fault(account, effect, seconds=7, times=1)
    with pytest.raises(RevioRetryable) as turned_away:
        client.create_line(BODY)
    assert turned_away.value.retry_after == 7


@pytest.mark.parametrize("wrong", [{"password": "no"}, {"subscription_key": "no"}, {"login": "association@nobody"}])
def test_wrong_credentials_are_said_to_be_wrong(account: Account, wrong: dict[str, str]) -> None:
    with pytest.raises(RevioUnauthorized):
        RevioClient(replace(account, **wrong)).check_credentials()


def test_a_server_that_is_down_was_never_asked(account: Account) -> None:
    nowhere = replace(account, base_url=f"http://127.0.0.1:{free_ports(1)[0]}")
    with pytest.raises(RevioRetryable, match="could not be reached"):
        RevioClient(nowhere).create_line(BODY)


def test_no_secret_shows_in_an_account_or_an_error(account: Account, client: RevioClient) -> None:
    fault(account, "error_before", times=1)
    with pytest.raises(RevioOutcomeUnknown) as error:
        client.create_line(BODY)
    shown = f"{account!r} {error.value!r} {error.value}"
    assert account.password not in shown
    assert account.subscription_key not in shown


@pytest.mark.parametrize("login", ["plain", "a@b@c"])
def test_a_login_without_exactly_one_at_sign_is_refused_when_the_account_is_made(login: str) -> None:
    with pytest.raises(ConfigurationError, match="login@clientcode"):
        Account("revio", "http://x", login, "p", "k")


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2015-03-05T12:18:32.35", datetime(2015, 3, 5, 12, 18, 32, 350_000, tzinfo=UTC)),
        ("2015-03-05T12:18:32.1234567", datetime(2015, 3, 5, 12, 18, 32, 123_456, tzinfo=UTC)),
        ("2015-03-05T12:18:32+02:00", datetime(2015, 3, 5, 10, 18, 32, tzinfo=UTC)),
        ("2015-03-05", datetime(2015, 3, 5, tzinfo=UTC)),
        ("2015-03-05Z", datetime(2015, 3, 5, tzinfo=UTC)),
        ("0000-00-00T00:00:00", None),
        ("0001-01-01T00:00:00", None),
        ("0001-01-01T00:00:00-05:00", None),
        ("9999-12-31T23:59:59.9999999", None),
        ("9999-12-31T00:00:00Z", None),
        ("", None),
        (None, None),
    ],
)
def test_dates_are_read_as_rev_io_writes_them(text: object, moment: datetime | None) -> None:
    assert parse_moment(text) == moment


@pytest.mark.parametrize(
    ("number", "number2", "matches"),
    [
        ("1555", ICCID, True),
        (ICCID, None, True),
        ("1555", None, True),
        ("1555", "another sim", False),
        ("1556", None, False),
    ],
)
def test_what_is_a_sim_s_line(number: str, number2: str | None, matches: bool) -> None:
    line = Line(1, 1, number, number2, None, None)
    assert Sim(ICCID, "1555").may_have(line) is matches


def test_a_line_and_a_product_are_ended_and_read_so_by_their_id(client: RevioClient) -> None:
    line = client.create_line(BODY)
    addition = client.create_product(
        {"service_id": line, "product_id": world.PRODUCT, "customer_id": int(world.ACME), "rate": 1, "quantity": 1}
    )
    found = client.line(line)
    assert found is not None
    assert (found.number2, found.disconnected) == (ICCID, None)
    client.end_product(addition, date(2026, 11, 24), prorate=True)
    client.end_line(line, date(2026, 11, 24))
    assert list(client.products(line)) == []
    ended = client.line(line)
    assert ended is not None
    assert ended.disconnected == datetime(2026, 11, 24, tzinfo=UTC)
    assert client.line(line + 1000) is None


@pytest.mark.parametrize("effect", ["error_after", "error_before", "no_id_after", "no_id_before", "ok_false_before"])
def test_an_end_without_a_clear_answer_is_of_unknown_outcome(
    client: RevioClient, account: Account, effect: str
) -> None:
    line = client.create_line(BODY)
    fault = {"effect": effect, "method": "DELETE"}
    requests.post(f"{account.base_url}/_control/faults", json=fault, timeout=5).raise_for_status()
    with pytest.raises(RevioOutcomeUnknown):
        client.end_line(line, date(2026, 11, 24))
    found = client.line(line)
    assert found is not None
    assert (found.disconnected is not None) == effect.endswith("_after")
