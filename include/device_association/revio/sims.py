"""A SIM, and what the lines that Rev.io shows mean for it. Source: the Rev.io contract, 'The lines of a SIM'."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import Enum, auto

from device_association.domain.sim_numbers import iccid_keys, msisdn_key
from device_association.revio.lines import Line


@dataclass(frozen=True, slots=True)
class Sim:
    """The numbers by which a SIM's lines are known."""

    iccid: str
    msisdn: str | None

    @property
    def match_keys(self) -> frozenset[str]:
        """The forms of its numbers of which each line that may be this SIM's has one among its `match_keys`.

        A line is the SIM's if number2 or number is its ICCID, or number is its MSISDN and number2 is empty: MSISDNs are
        recycled. One whose number was sent rounded may be.
        """
        digits = iccid_keys(self.iccid)
        number = msisdn_key(self.msisdn)
        numbers = {f"N{number}"} if number else set()
        return frozenset({f"I{one}" for one in digits} | {f"F{float(one)!r}" for one in digits} | numbers)

    def may_have(self, line: Line) -> bool:
        """Whether a line is this SIM's, or carries its digits in a form that cannot be told apart."""
        return not self.match_keys.isdisjoint(line.match_keys)


class Verdict(Enum):
    """What the lines that Rev.io shows mean for a SIM that wants one."""

    FREE = auto()
    """It has none: one may be created."""
    OWN = auto()
    """One of the customer's own is the SIM's: it is adopted."""
    OTHER_CUSTOMER = auto()
    AMBIGUOUS = auto()


@dataclass(frozen=True, slots=True)
class Judgment:
    """A verdict with the lines it is about, and for a person why nothing is called."""

    verdict: Verdict
    lines: tuple[Line, ...] = ()
    reason: str = ""


def judge(lines: Iterable[Line], sim: Sim, customers: Collection[int], now: datetime) -> Judgment:
    """Return what these lines mean for a SIM of one of these customers, whose present and former numbers these are."""
    found = {line.key: line for line in lines if line.is_active(now) and sim.may_have(line)}
    active = tuple(
        found[key] for key in sorted(found, key=lambda key: (len(key), key))
    )  # a text names them in one order
    named = ", ".join(map(str, active))
    flawed = next((line for line in active if line.flaw()), None)
    if flawed is not None:
        reason = f"Rev.io shows line {flawed} with this SIM's digits, and {flawed.flaw()}; correct the record in Rev.io"
        return Judgment(Verdict.AMBIGUOUS, active, reason)
    if not active:
        return Judgment(Verdict.FREE)
    if len(active) > 1:
        reason = (
            f"the active lines {named} are all this SIM's; disconnect all but one, or name the one that is the SIM's"
        )
        return Judgment(Verdict.AMBIGUOUS, active, reason)
    if active[0].customer_id not in customers:
        reason = (
            f"Rev.io shows active line {named} of this SIM at another customer; have it disconnected or moved first"
        )
        return Judgment(Verdict.OTHER_CUSTOMER, active, reason)
    if active[0].disconnected is not None:
        return Judgment(Verdict.AMBIGUOUS, active, ending_text(active[0]))
    return Judgment(Verdict.OWN, active)


def ending_text(line: Line) -> str:
    """Say of a line with a disconnect date in the future what keeps it from being the SIM's."""
    ends = f"{line.disconnected:%Y-%m-%d %H:%M} UTC"
    return f"line {line} of this SIM is to be disconnected at {ends}; retry after that, or have the date removed"
