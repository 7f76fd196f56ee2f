"""What may happen in the office. A number that picks a change or a run counts from the newest."""

from __future__ import annotations

from dataclasses import dataclass

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
    """A worker of a run works on all its slices; the run may have lost its change."""

    run: int
    last_try: bool = False
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


NEWEST = st.sampled_from([0, 0, 0, 1, 2])
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
SCRIPTS_READS = st.frozensets(st.integers(0, 3), max_size=1)


def scripts(acts: st.SearchStrategy[Act]) -> st.SearchStrategy[Script]:
    turns = st.lists(st.tuples(st.integers(-1, 12), acts), max_size=3).map(tuple)
    return st.builds(Script, st.lists(ANSWERS, max_size=3).map(tuple), SCRIPTS_READS, turns)


def passes() -> st.SearchStrategy[Act]:
    return st.builds(Pass, SECONDS)


def asks(scripts: st.SearchStrategy[Script]) -> st.SearchStrategy[Act]:
    devices = st.lists(st.integers(0, 2), min_size=1, max_size=3, unique=True).map(tuple)
    return st.builds(
        Ask, st.sampled_from([0, 0, 0, 1, 2]), devices, products=st.sampled_from([0, 0, 1, 2]), script=scripts
    )


def works(scripts: st.SearchStrategy[Script]) -> st.SearchStrategy[Act]:
    return st.builds(Work, NEWEST, st.booleans(), scripts)


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


def _acts(scripts: st.SearchStrategy[Script]) -> st.SearchStrategy[Act]:
    """What may happen; first what a failing example is best explained by, and often what moves a change on."""
    moves = [works(scripts)] * 4 + [take_overs(scripts), closings(scripts), retries(scripts), asks(scripts)] * 2
    return st.sampled_from([passes(), passes(), *moves, stops(), lines_by_hand()]).flatmap(lambda chosen: chosen)


ALONE = scripts(st.one_of(passes(), st.just(Die())))
"""What may go wrong for a worker while nobody else is at work."""
SCRIPTS = scripts(st.one_of(st.just(Die()), passes(), _acts(ALONE)))
"""What may go wrong for a worker: others may be at work meanwhile, for whom less may go wrong."""
ACTS = _acts(SCRIPTS)
