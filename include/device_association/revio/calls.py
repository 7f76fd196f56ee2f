"""One call to Rev.io: its permit, its answer or the error that it ended in, and an answer that comes late."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from datetime import date, datetime
from decimal import Decimal
from typing import TypeVar

from device_association.domain.errors import RevioError, RevioOutcomeUnknown
from device_association.revio.accounts import Account
from device_association.revio.bounded_calls import BoundedTransport
from device_association.revio.no_answer import NoAnswer
from device_association.revio.responses import AnswerReader
from device_association.revio.transport import Answer, Timeouts, Transport

T = TypeVar("T")
log = logging.getLogger(__name__)


class RevioCalls:
    """Makes the calls of one account, each once. Safe to use from several threads.

    `before_call` is called before every request without a permit, `after_call` after every request, as RevioClient says.
    """

    def __init__(
        self,
        account: Account,
        reader: AnswerReader,
        transport: BoundedTransport,
        before_call: Callable[[], None] | None = None,
        after_call: Callable[[RevioError | None], None] | None = None,
    ) -> None:
        self.account, self.reader = account, reader
        self._transport, self._before_call, self._after_call = transport, before_call, after_call

    def send(
        self,
        method: str,
        path: str,
        read: Callable[[Answer], T],
        *,
        query: Mapping[str, object] | None = None,
        body: object = None,
        has_permit: bool = False,
    ) -> T:
        """Make one call and return what `read` makes of its answer; `has_permit`: the caller has taken the permit for it.

        Raises: the RevioError that the call ended in. One whose outcome is in doubt brings what a late answer means.
        """
        if self._before_call and not has_permit:
            self._before_call()
        try:
            try:
                answer = self._transport.send(method, path, query or {}, body)
            except NoAnswer as problem:
                doubt = self.reader.no_answer(method, path, problem)
                if problem.late is not None and isinstance(doubt, RevioOutcomeUnknown):
                    doubt.late = _read_late(problem.late, read)
                raise doubt from None
            result = read(answer)
        except RevioError as error:
            self._report(error)
            raise
        self._report(None)
        return result

    def _report(self, error: RevioError | None) -> None:
        try:
            if self._after_call:
                self._after_call(error)
        except Exception:  # whatever it is, it must not cost the id of a line that was created
            log.exception("%s: what is called after each call went wrong", self.account.name)


def _read_late(late: Future[Answer], read: Callable[[Answer], T]) -> Future[T]:
    """Return the future of what an answer means that is still to come."""
    found: Future[T] = Future()

    def take(answered: Future[Answer]) -> None:
        try:
            found.set_result(read(answered.result()))
        except (NoAnswer, RevioError) as problem:
            found.set_exception(problem)

    late.add_done_callback(take)
    return found


def make_transport(
    account: Account, timeouts: Timeouts, *, connections: int = 16, verify: bool | str = True
) -> BoundedTransport:
    """Return what carries the calls of an account; `verify` may name the file of an authority of one's own."""
    headers = {
        "Accept": "application/json",
        "Authorization": f"Basic {account.token()}",
        "Ocp-Apim-Subscription-Key": account.subscription_key,
    }
    base = account.base_url.rstrip("/").removesuffix("/v1")
    return BoundedTransport(Transport(base, headers, timeouts, connections=connections, verify=verify))


def wire_values(values: Mapping[str, object]) -> dict[str, object]:
    """Return values as a call carries them, without those that are None; instants lose their zone."""
    return {name: _wire_value(value) for name, value in values.items() if value is not None}


def _wire_value(value: object) -> object:
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%dT%H:%M:%S}"
    if isinstance(value, date):
        return f"{value:%Y-%m-%d}T00:00:00"
    return value
