"""The bound on a whole call, late answers, the bound on an answer's size, and connections that are used again."""

from __future__ import annotations

import gzip
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from device_association.domain.errors import ConfigurationError, RevioOutcomeUnknown, RevioRejected, RevioRetryable
from device_association.revio import transport
from device_association.revio.accounts import Account
from device_association.revio.calls import make_transport
from device_association.revio.client import RevioClient
from device_association.revio.no_answer import NoAnswer
from device_association.revio.transport import Timeouts
from tests.raw_server import RawServer, Step, answer, drip, hang_up, say, say_and_close, serving

SHORT = Timeouts(connect=1, read=0.25, call=1)
LONG = Timeouts(connect=2, read=5, call=10)
BODY = {"customer_id": 1, "number": "1"}
CREATED = answer(201, b'{"ok": true, "id": 11027}')
HEAD = CREATED.index(b"\r\n\r\n")
SLOW_HEADERS = drip(CREATED, first=10)
SLOW_BODY = drip(CREATED, first=HEAD + 6)
CHUNKED = b"HTTP/1.1 201 x\r\nTransfer-Encoding: chunked\r\n\r\n" + b"1\r\n \r\n" * 500
SLOW = {
    "headers": SLOW_HEADERS,
    "body": SLOW_BODY,
    "chunks": drip(CHUNKED, first=50),
    "body without an end": drip(b"HTTP/1.1 201 x\r\n\r\n" + b" " * 500, first=20),
    "100 Continue": drip(b"HTTP/1.1 100 Continue\r\n\r\n" * 500, pause=0.01),
}


IN_TIME = 5.0
"""Within so many seconds a call has ended on a busy machine too; its server goes on for longer, or would have answered."""


@contextmanager
def in_time() -> Iterator[None]:
    began = time.monotonic()
    yield
    assert time.monotonic() - began < IN_TIME


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the file of a certificate for localhost and its key."""
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "both.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(private + certificate.public_bytes(serialization.Encoding.PEM))
    return path


@pytest.fixture
def tls(authority: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(authority)
    return context


def trusting(server: RawServer, authority: Path, timeouts: Timeouts = SHORT) -> RevioClient:
    account = server.account()
    return RevioClient(account, transport=make_transport(account, timeouts, verify=str(authority)))


@pytest.mark.parametrize("step", SLOW.values(), ids=SLOW.keys())
def test_a_call_ends_in_time_however_slowly_the_server_speaks(step: Step) -> None:
    with serving(step) as server:
        client = RevioClient(server.account(), timeouts=SHORT)
        with in_time(), pytest.raises(RevioOutcomeUnknown, match="Timeout"):
            client.create_line(BODY)
        with in_time(), pytest.raises(RevioRetryable, match="Timeout"):
            client.check_credentials()


@pytest.mark.parametrize("step", [SLOW_HEADERS, SLOW_BODY], ids=["headers", "body"])
def test_a_call_over_tls_ends_in_time_as_well(step: Step, tls: ssl.SSLContext, authority: Path) -> None:
    with serving(step, tls=tls) as server, in_time(), pytest.raises(RevioOutcomeUnknown, match="Timeout"):
        trusting(server, authority).create_line(BODY)


@pytest.mark.parametrize("status", [201, 400])
def test_answer_that_comes_after_the_bound_of_its_call_is_brought_by_the_error(status: int) -> None:
    def wait(connection: socket.socket) -> bool:
        waited_for.wait(60)
        return say(answer(status, b'{"ok": true, "id": 11027}'))(connection)

    waited_for = threading.Event()
    with serving(wait) as server:
        client = RevioClient(server.account(), timeouts=Timeouts(connect=1, read=30, call=0.3))
        with in_time(), pytest.raises(RevioOutcomeUnknown, match="Timeout") as doubt:
            client.create_line(BODY)
        assert doubt.value.late is not None
        assert not doubt.value.late.done()
        waited_for.set()
        problem = doubt.value.late.exception(IN_TIME)
        assert (doubt.value.late.result() == 11027) if status == 201 else isinstance(problem, RevioRejected)


def test_late_answer_to_a_disconnection_names_what_was_disconnected() -> None:
    def wait(connection: socket.socket) -> bool:
        waited_for.wait(60)
        return say(answer(200, b'{"ok": true}'))(connection)

    waited_for = threading.Event()
    with serving(wait) as server:
        client = RevioClient(server.account(), timeouts=Timeouts(connect=1, read=30, call=0.3))
        with pytest.raises(RevioOutcomeUnknown) as doubt:
            client.end_line(4711, date(2026, 11, 24))
        waited_for.set()
        assert doubt.value.late is not None
        assert doubt.value.late.result(IN_TIME) == 4711


def test_late_answer_that_does_not_end_is_given_up() -> None:
    def wait(connection: socket.socket) -> bool:
        waited_for.wait(60)
        return SLOW_BODY(connection)

    waited_for = threading.Event()
    with serving(wait) as server:
        client = RevioClient(server.account(), timeouts=Timeouts(connect=1, read=0.6, call=0.3))
        with pytest.raises(RevioOutcomeUnknown) as doubt:
            client.create_line(BODY)
        waited_for.set()
        assert doubt.value.late is not None
        assert isinstance(doubt.value.late.exception(IN_TIME), NoAnswer)


def test_call_that_was_not_sent_in_time_is_not_sent_later(monkeypatch: pytest.MonkeyPatch) -> None:
    def look_up(*_: object, **__: object) -> list[object]:
        looked_up.wait(60)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", server.port))]

    looked_up = threading.Event()
    with serving(say(CREATED)) as server:
        monkeypatch.setattr(socket, "getaddrinfo", look_up)
        client = RevioClient(server.account(), timeouts=Timeouts(connect=5, read=5, call=0.3))
        with in_time(), pytest.raises(RevioRetryable, match="could not be reached"):
            client.create_line(BODY)
        looked_up.set()
        assert server.ended.acquire(timeout=IN_TIME), "it connects, and leaves without its body"
        assert (server.connections, server.requests) == (1, [])


def test_a_slow_server_that_ends_in_time_is_waited_for() -> None:
    with serving(drip(CREATED, first=HEAD, pause=0.005)) as server:
        assert RevioClient(server.account(), timeouts=LONG).create_line(BODY) == 11027


def test_a_server_that_takes_nothing_ends_the_sending_in_time() -> None:
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        account = Account("revio", f"http://127.0.0.1:{deaf.getsockname()[1]}", "a@b", "p", "k")
        with in_time(), pytest.raises(RevioOutcomeUnknown):
            RevioClient(account, timeouts=SHORT).create_line({"description": "x" * 20_000_000})


@pytest.mark.parametrize("trickle", [b"", b"\x16\x03\x03\x10\x00"], ids=["silent", "slow"])
def test_a_hand_shake_that_does_not_end_was_never_sent(trickle: bytes) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"https://127.0.0.1:{server.getsockname()[1]}"

        def shake() -> None:
            peer, _ = server.accept()
            with peer, suppress(OSError):
                for _ in range(400):
                    peer.sendall(trickle)
                    trickling.wait(0.05)

        trickling = threading.Event()
        thread = threading.Thread(target=shake)
        thread.start()
        try:
            with in_time(), pytest.raises(RevioRetryable, match="could not be reached"):
                RevioClient(Account("revio", url, "a@b", "p", "k"), timeouts=SHORT).create_line(BODY)
        finally:
            trickling.set()
            thread.join()


def test_a_certificate_that_nobody_vouches_for_gets_no_credentials(tls: ssl.SSLContext) -> None:
    with serving(say(CREATED), tls=tls) as server:
        with pytest.raises(RevioRetryable, match=r"could not be reached.*CertVerification"):
            RevioClient(server.account(), timeouts=SHORT).create_line(BODY)
        assert server.requests == []


def test_a_name_look_up_that_hangs_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    answered = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: answered.wait(60) and [])
    account = Account("revio", "http://restapi.example", "a@b", "p", "k")
    with in_time(), pytest.raises(RevioRetryable, match="could not be reached"):
        RevioClient(account, timeouts=SHORT).create_line(BODY)
    answered.set()


def test_all_addresses_of_a_host_together_take_no_longer_than_the_call(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=0) as full:
        one = (socket.AF_INET, socket.SOCK_STREAM, 6, "", full.getsockname())
        waiting = [socket.socket() for _ in range(3)]
        for sock in waiting:
            sock.setblocking(False)
            sock.connect_ex(full.getsockname())
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: [one] * 10)
        account = Account("revio", "http://restapi.example", "a@b", "p", "k")
        with in_time(), pytest.raises(RevioRetryable, match="could not be reached"):
            RevioClient(account, timeouts=SHORT).create_line(BODY)
        for sock in waiting:
            sock.close()


def test_the_next_address_of_a_host_is_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(say(CREATED)) as server, socket.create_server(("127.0.0.1", 0)) as closed:
        dead = closed.getsockname()
        closed.close()
        found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", at) for at in (dead, ("127.0.0.1", server.port))]
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)
        assert RevioClient(server.account(), timeouts=LONG).create_line(BODY) == 11027


@pytest.mark.parametrize("status", [b"201 x", b"302 x\r\nLocation: /v1/Elsewhere"])
def test_an_answer_without_end_is_cut_off_early(status: bytes) -> None:
    sent: list[int] = []

    def flood(connection: socket.socket) -> bool:
        connection.sendall(b"HTTP/1.1 " + status + b"\r\nContent-Length: 52428800\r\n\r\n")
        for _ in range(800):
            connection.sendall(b" " * 65536)
            sent.append(65536)
        return True

    with serving(flood) as server:
        with pytest.raises(RevioOutcomeUnknown):
            RevioClient(server.account()).create_line(BODY)
        with pytest.raises(RevioRetryable):
            RevioClient(server.account()).check_credentials()
    assert sum(sent) < 2 * 30_000_000


def test_a_small_answer_that_unpacks_to_a_huge_one_is_cut_off_as_well() -> None:
    bomb = gzip.compress(b" " * 200_000_000, 1)
    with serving(say(answer(201, bomb, "Content-Encoding: gzip"))) as server, pytest.raises(RevioOutcomeUnknown):
        RevioClient(server.account()).create_line(BODY)


def test_a_packed_answer_is_read() -> None:
    packed = gzip.compress(b'{"ok": true, "id": 11027}')
    with serving(say(answer(201, packed, "Content-Encoding: gzip"))) as server:
        assert RevioClient(server.account()).create_line(BODY) == 11027


def test_calls_follow_each_other_over_one_connection() -> None:
    with serving(say(CREATED), say(answer(400, b"{}")), say(CREATED)) as server:
        client = RevioClient(server.account(), timeouts=LONG)
        client.create_line(BODY)
        with pytest.raises(Exception, match="400"):
            client.create_line(BODY)
        client.create_line(BODY)
    assert (len(server.requests), server.connections) == (3, 1)


def test_calls_follow_each_other_over_one_tls_connection(tls: ssl.SSLContext, authority: Path) -> None:
    with serving(say(CREATED), tls=tls) as server:
        client = trusting(server, authority, LONG)
        assert [client.create_line(BODY) for _ in range(3)] == [11027] * 3
    assert server.connections == 1


def test_a_connection_that_the_server_closed_while_idle_costs_no_call() -> None:
    with serving(say_and_close(CREATED, after=0.02), say(CREATED)) as server:
        client = RevioClient(server.account(), timeouts=LONG)
        assert client.create_line(BODY) == 11027
        assert server.ended.acquire(timeout=IN_TIME)
        assert client.create_line(BODY) == 11027
    assert (len(server.requests), server.connections) == (2, 2)


def test_a_tls_connection_that_the_server_closed_while_idle_costs_no_call(tls: ssl.SSLContext, authority: Path) -> None:
    with serving(say_and_close(CREATED, after=0.02), say(CREATED), tls=tls) as server:
        client = trusting(server, authority, LONG)
        assert client.create_line(BODY) == 11027
        assert server.ended.acquire(timeout=IN_TIME)
        assert client.create_line(BODY) == 11027
    assert (len(server.requests), server.connections) == (2, 2)


def test_a_connection_that_was_idle_for_long_is_not_trusted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport, "IDLE_SECONDS", 0.0)
    with serving(say(CREATED)) as server:
        client = RevioClient(server.account(), timeouts=LONG)
        assert [client.create_line(BODY) for _ in range(2)] == [11027] * 2
    assert server.connections == 2


def test_a_connection_that_breaks_as_it_is_used_again_leaves_the_outcome_unknown() -> None:
    with serving(say(CREATED), hang_up) as server:
        client = RevioClient(server.account(), timeouts=LONG)
        client.create_line(BODY)
        with pytest.raises(RevioOutcomeUnknown):
            client.create_line(BODY)
    assert len(server.requests) == 2


def test_a_call_that_ran_out_of_time_leaves_nothing_for_the_next() -> None:
    with serving(SLOW_BODY, say(answer(201, b'{"ok": true, "id": 5}'))) as server:
        client = RevioClient(server.account(), timeouts=SHORT)
        with pytest.raises(RevioOutcomeUnknown):
            client.create_line(BODY)
        assert client.create_line(BODY) == 5


def test_an_answer_that_comes_late_is_not_taken_for_the_next_call_s() -> None:
    def hint(connection: socket.socket) -> bool:
        connection.sendall(b"HTTP/1.1 103 Early Hints\r\n\r\n")
        answered.wait(60)
        return say(CREATED)(connection)

    answered = threading.Event()
    with serving(hint, say(answer(201, b'{"ok": true, "id": 5}'))) as server:
        client = RevioClient(server.account(), timeouts=LONG)
        with pytest.raises(RevioOutcomeUnknown):
            client.create_line(BODY)
        threading.Timer(0.05, answered.set).start()
        assert client.create_line(BODY) == 5


def test_threads_get_each_its_own_answer() -> None:
    def echo(connection: socket.socket) -> bool:
        return say(answer(201, b'{"ok": true, "id": %d}' % next(ids)))(connection)

    ids = iter(range(1, 1000))
    with serving(echo) as server:
        client = RevioClient(server.account(), connections=8)
        with ThreadPoolExecutor(8) as workers:
            created = list(workers.map(lambda _: client.create_line(BODY), range(200)))
    assert sorted(created) == list(range(1, 201))
    assert server.connections <= 8


def test_a_slow_call_does_not_shorten_another_thread_s() -> None:
    with serving(drip(CREATED, first=HEAD, pause=0.01)) as server:
        client = RevioClient(server.account(), timeouts=LONG)
        with ThreadPoolExecutor(6) as workers:
            assert list(workers.map(lambda _: client.create_line(BODY), range(12))) == [11027] * 12


def test_neither_cookies_nor_the_environment_change_a_call(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.delenv("no_proxy", raising=False)
    with serving(say(answer(201, b'{"ok": true, "id": 11027}', "Set-Cookie: a=b"))) as server:
        client = RevioClient(server.account(), timeouts=LONG)
        assert [client.create_line(BODY) for _ in range(2)] == [11027] * 2
    assert not any(b"cookie" in request.lower() for request in server.requests)


def test_the_credentials_and_the_body_are_sent() -> None:
    with serving(say(CREATED)) as server:
        RevioClient(server.account()).create_line(BODY | {"left_out": None})
    head, _, body = server.requests[0].partition(b"\r\n\r\n")
    assert head.startswith(b"POST /v1/Services HTTP/1.1\r\n")
    assert b"\r\nAuthorization: Basic YXNzb2NpYXRpb25Abnd0OnBhc3MtdzByZA==" in head
    assert b"\r\nOcp-Apim-Subscription-Key: key-1234" in head
    assert body == b'{"customer_id": 1, "number": "1"}'


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"base_url": "restapi.rev.io"}, "https://restapi.rev.io"),
        ({"base_url": "http://[::1"}, "https://restapi.rev.io"),
        ({"base_url": "ftp://restapi.rev.io"}, "https://restapi.rev.io"),
        ({"subscription_key": "a\r\nX: b"}, "no header can carry"),
        ({"subscription_key": "ключ"}, "no header can carry"),
    ],
)
def test_what_no_call_could_carry_is_refused_when_the_account_is_made(wrong: dict[str, str], said: str) -> None:
    fine = {"base_url": "https://x", "login": "a@b", "password": "p", "subscription_key": "k"}
    with pytest.raises(ConfigurationError, match=said):
        Account("revio", **(fine | wrong))


def test_a_base_url_may_end_in_a_slash_or_the_version() -> None:
    makers: list[Callable[[str], str]] = [lambda url: url, lambda url: f"{url}/", lambda url: f"{url}/v1/"]
    with serving(say(CREATED)) as server:
        for make in makers:
            account = Account("revio", make(server.account().base_url), "a@b", "p", "k")
            RevioClient(account).create_line(BODY)
    assert {request.split()[1] for request in server.requests} == {b"/v1/Services"}
