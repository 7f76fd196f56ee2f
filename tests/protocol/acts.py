"""What may happen in the office. A number that picks a change or a run counts from the newest."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

from hypothesis import strategies as st

from tests.protocol.vendor import Answer, Kind


class Act:
    """Something that happens, alone or while a worker is between two of its transactions or calls."""


@dataclass(frozen=True)
class Script:
    """What goes wrong for one worker.

    `answers` are those to its POSTs, in order, then the vendor is honest. `failing_reads` are the places of look-ups that
    are turned away. `turns` are what happens meanwhile: after so many more of its moments, this; -1 is the same moment.
    """

    answers: tuple[Answer, ...] = ()
    failing_reads: frozenset[int] = frozenset()
    turns: tuple[tuple[int, Act], ...] = ()


HONEST = Script()


@dataclass(frozen=True)
class Pass(Act):
    seconds: float


@dataclass(frozen=True)
class Die(Act):
    """The worker whose moment it is dies here."""


@dataclass(frozen=True)
class Ask(Act):
    """A person asks for lines, and a run checks and plans the change."""

    customer: int
    devices: tuple[int, ...]
    products: int = 0
    script: Script = HONEST


@dataclass(frozen=True)
class TakeOver(Act):
    """A new run claims a change, whose earlier run counts as dead but may live; it checks and plans."""

    change: int
    script: Script = HONEST


@dataclass(frozen=True)
class Work(Act):
    """A worker of a run works on all its slices; the run may have lost its change.

    `at_once`: it only calls, for all its planned SIMs together, as several threads do.
    """

    run: int
    last_try: bool = False
    at_once: bool = False
    script: Script = HONEST


@dataclass(frozen=True)
class Close(Act):
    """A run associates what is ready and closes its change."""

    run: int
    script: Script = HONEST


@dataclass(frozen=True)
class Stop(Act):
    change: int


@dataclass(frozen=True)
class Retry(Act):
    """A person retries an ended change, and a run takes it up."""

    change: int
    script: Script = HONEST


@dataclass(frozen=True)
class ByHand(Act):
    """A person makes a line at Rev.io."""

    customer: int
    device: int
    names_sim: bool = True


T = TypeVar("T")


def _one_of(*likely: st.SearchStrategy[T]) -> st.SearchStrategy[T]:
    """Give what one of these gives; one that stands there twice is as likely again."""
    return st.sampled_from(likely).flatmap(lambda chosen: chosen)


NEWEST = st.sampled_from([0, 0, 0, 0, 0, 1, 1, 2])
SECONDS = st.sampled_from([1.0, 20.0, 50.0, 65.0, 125.0, 200.0, 1000.0])
COMMITS = st.sampled_from([0.0, 0.0, None, 20.0, 40.0])
ANSWERS = st.one_of(
    st.just(Answer()),
    st.builds(Answer, st.just(Kind.LOST), COMMITS),
    st.builds(Answer, st.just(Kind.LOST), COMMITS),
    st.builds(Answer, st.sampled_from([Kind.OTHER_SIMS, Kind.NOBODYS]), COMMITS),
    st.builds(
        Answer,
        st.sampled_from([Kind.TURNED_AWAY, Kind.TURNED_AWAY_BRIEFLY, Kind.REFUSED, Kind.UNAUTHORIZED]),
        st.none(),
    ),
)
MOMENTS = st.sampled_from([3, 3, 3, 4, 4, 4, -1, 0, 1, 1, 1, 2, 2, 5, 6, 8, 10, 12])
"""After how many moments something happens: the call comes in the third to fifth."""
FAILING_READS = st.sampled_from([frozenset[int]()] * 4 + [frozenset({0}), frozenset({1})])


def scripts(acts: st.SearchStrategy[Act]) -> st.SearchStrategy[Script]:
    turns = st.lists(st.tuples(MOMENTS, acts), max_size=2).map(tuple)
    return st.builds(Script, st.lists(ANSWERS, min_size=1, max_size=4).map(tuple), FAILING_READS, turns)


def passes() -> st.SearchStrategy[Act]:
    return st.builds(Pass, SECONDS)


def asks(scripts: st.SearchStrategy[Script]) -> st.SearchStrategy[Act]:
    devices = st.lists(st.integers(0, 2), min_size=1, max_size=3, unique=True).map(tuple)
    return st.builds(
        Ask, st.sampled_from([0, 0, 0, 1, 2]), devices, products=st.sampled_from([0, 0, 1, 2]), script=scripts
    )


def works(scripts: st.SearchStrategy[Script]) -> st.SearchStrategy[Act]:
    return st.builds(Work, NEWEST, st.booleans(), st.sampled_from([False, False, True]), scripts)


def take_overs(scripts: st.SearchStrategy[Script]) -> st.SearchStrategy[Act]:
    return st.builds(TakeOver, NEWEST, scripts)


def closings(scripts: st.SearchStrategy[Script]) -> st.SearchStrategy[Act]:
    return st.builds(Close, NEWEST, scripts)


def retries(scripts: st.SearchStrategy[Script]) -> st.SearchStrategy[Act]:
    return st.builds(Retry, NEWEST, scripts)


def stops() -> st.SearchStrategy[Act]:
    return st.builds(Stop, NEWEST)


def lines_by_hand() -> st.SearchStrategy[Act]:
    return st.builds(ByHand, st.sampled_from([0, 0, 1, 2]), st.integers(0, 2), st.booleans())


def _acts(
    scripts: st.SearchStrategy[Script], asked: st.SearchStrategy[Script], worked: st.SearchStrategy[Script]
) -> st.SearchStrategy[Act]:
    """What may happen; often what moves a change on, first what a failing example is best explained by."""
    often = [passes(), works(worked), works(worked), works(worked)] * 2
    return _one_of(
        *often,
        passes(),
        asks(asked),
        asks(asked),
        closings(scripts),
        closings(scripts),
        take_overs(scripts),
        retries(scripts),
        retries(scripts),
        stops(),
        lines_by_hand(),
    )


ALONE = scripts(st.one_of(passes(), st.just(Die())))
"""What may go wrong for a worker while nobody else is at work."""
MEANWHILE = scripts(_one_of(st.just(Die()), passes(), *[_acts(ALONE, ALONE, ALONE)] * 3))
"""Others are at work meanwhile, for whom less may go wrong."""
BEFORE_IT_BEGINS, IN_THE_CALL = st.sampled_from([1, 1, 1, 0, 2]), st.sampled_from([3, 3, 4, 4, 1, 2])
DYING = st.builds(
    Script, st.lists(ANSWERS, max_size=1).map(tuple), turns=st.tuples(st.tuples(IN_THE_CALL, st.just(Die())))
)
DUELS = st.builds(
    lambda moment, rival, later: Script(turns=((moment, rival), *later)),
    BEFORE_IT_BEGINS,
    st.builds(Work, st.just(0), script=DYING),
    st.lists(st.tuples(MOMENTS, passes()), max_size=1),
)
"""Another worker begins where this one has read what is to be done, and dies."""
RIVALS = st.builds(lambda moment, rival: Script(turns=((moment, rival),)), st.integers(4, 8), asks(st.just(HONEST)))
"""Somebody else asks while a change is checked and planned."""
LONG = st.builds(Pass, st.sampled_from([125.0, 200.0, 1000.0]))
ANSWERED = st.lists(ANSWERS, max_size=3).map(tuple)
STALLS = st.builds(
    lambda answers, moment, first, then: Script(answers, turns=((moment, first), *((-1, act) for act in then))),
    ANSWERED,
    st.integers(2, 14),
    LONG,
    st.one_of(st.just(()), st.tuples(st.builds(Work, st.just(0), script=st.builds(Script, ANSWERED)), LONG)),
)
"""A worker stands still in a look-up or behind an answer for longer than its lease, and meanwhile another works."""
SUPERSEDED = st.builds(
    lambda answers, moment, *then: Script(answers, turns=((moment, TakeOver(0)), *((-1, act) for act in then))),
    ANSWERED,
    st.integers(3, 5),
    st.just(Close(0)),
    asks(st.just(HONEST)),
)
"""While a call is out, its change is taken over and ends, and somebody asks again."""
QUIET = st.just(HONEST)
ACTS = _acts(
    _one_of(QUIET, MEANWHILE),
    _one_of(QUIET, QUIET, MEANWHILE, RIVALS),
    _one_of(MEANWHILE, MEANWHILE, MEANWHILE, DUELS, STALLS, STALLS, SUPERSEDED),
)
