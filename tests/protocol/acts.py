"""What may happen in the office. A number that picks a change or a run counts from the newest."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum, auto
from typing import TypeVar

from hypothesis import strategies as st

from tests.protocol.vendor import Answer, Filters, Kind, Manners, Order


class Act:
    """Something that happens, alone or while a worker is between two of its transactions or calls."""


@dataclass(frozen=True)
class Script:
    """What goes wrong for one worker.

    `answers` are those to its POSTs, in order, then the vendor is honest. `failing_reads` are the places of look-ups that
    are turned away. `turns` are what happens meanwhile: at the next moment of a name, or after so many more of its moments;
    -1 is the same moment.
    """

    answers: tuple[Answer, ...] = ()
    failing_reads: frozenset[int] = frozenset()
    turns: tuple[tuple[int | str, Act], ...] = ()


HONEST = Script()


@dataclass(frozen=True)
class Pass(Act):
    seconds: float


@dataclass(frozen=True)
class Die(Act):
    """The worker whose moment it is dies here."""


@dataclass(frozen=True)
class Ask(Act):
    """A person asks for lines, and a run checks and plans the change.

    `others` are devices of the change that are for another customer, as the portal may write it: (device, customer).
    """

    customer: int
    devices: tuple[int, ...]
    products: int = 0
    script: Script = HONEST
    others: tuple[tuple[int, int], ...] = ()


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


class Spelling(StrEnum):
    """How a line that a person makes names its SIM."""

    ICCID = auto()
    FILLER = auto()
    """A trailing F."""
    HYPHENS = auto()
    CHECK_DIGIT = auto()
    IN_NUMBER = auto()
    """The ICCID as number, and no number2."""
    MSISDN = auto()
    """+1555... as number, and no number2."""
    ROUNDED = auto()
    """A float, which has lost the last digits."""
    NO_CUSTOMER = auto()
    NO_ID = auto()
    ALIKE = auto()
    """As the last call for the SIM asked, or a request of the usual kind asks, in every field."""
    OTHER_TERMS = auto()
    """As the last call for the SIM asked, with another description."""


@dataclass(frozen=True)
class ByHand(Act):
    """A person makes a line at Rev.io."""

    customer: int
    device: int
    spelling: Spelling = Spelling.ICCID


class What(StrEnum):
    """What a person does to a line."""

    MOVE = auto()
    """Give it to another customer."""
    SWAP = auto()
    """Give it the SIM of another device; one that is not ours counts as device 3."""
    NUMBER = auto()
    """Give it another number, its SIM stays."""
    DISCONNECT = auto()
    RECONNECT = auto()
    CORRECT = auto()
    """Let what is shown oddly be shown as it is."""


@dataclass(frozen=True)
class Edit(Act):
    """A person changes a line at Rev.io, counted from the newest; `to` is a customer or a device."""

    line: int
    what: What
    to: int = 0


@dataclass(frozen=True)
class Renumber(Act):
    """A customer gets another number in the portal."""

    customer: int


@dataclass(frozen=True)
class ChangeFilter(Act):
    """A filter of the vendor's lists begins to behave otherwise."""

    name: str
    how: Filters


@dataclass(frozen=True)
class Story(Act):
    """Some acts about one SIM, one after the other."""

    acts: tuple[Act, ...]


T = TypeVar("T")


def _one_of(*likely: st.SearchStrategy[T]) -> st.SearchStrategy[T]:
    """Give what one of these gives; one that stands there twice is as likely again."""
    return st.sampled_from(likely).flatmap(lambda chosen: chosen)


SPELLINGS = st.sampled_from(list(Spelling))
NEWEST = st.sampled_from([0, 0, 0, 0, 0, 1, 1, 2])
SECONDS = st.sampled_from([1.0, 20.0, 50.0, 65.0, 125.0, 200.0, 1000.0, 8000.0])
"""Up to hours, as a pause or a spent quota takes them."""
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
AROUND_THE_CALL = ["begin", "begin", "POST", "POST", "sent", "sent", "answered", "answered"]
LOOKS = ["list", "after list", "page", "new", "after new", "sim", "after sim", "line", "after line"]
MOMENTS: st.SearchStrategy[int | str] = st.sampled_from([*AROUND_THE_CALL, *LOOKS, -1, 0, 1, 1, 2, 2, 3, 5, 8, 12, 20])
"""When something happens: often around the call, by name."""
FAILING_READS = st.sampled_from([frozenset[int]()] * 4 + [frozenset({0}), frozenset({1})])


def scripts(acts: st.SearchStrategy[Act]) -> st.SearchStrategy[Script]:
    turns = st.lists(st.tuples(MOMENTS, acts), max_size=2).map(tuple)
    return st.builds(Script, st.lists(ANSWERS, min_size=1, max_size=4).map(tuple), FAILING_READS, turns)


def passes() -> st.SearchStrategy[Act]:
    return st.builds(Pass, SECONDS)


def asks(scripts: st.SearchStrategy[Script]) -> st.SearchStrategy[Act]:
    devices = st.lists(st.integers(0, 2), min_size=1, max_size=3, unique=True).map(tuple)
    alone = st.builds(
        Ask, st.sampled_from([0, 0, 0, 1, 2]), devices, products=st.sampled_from([0, 0, 1, 2]), script=scripts
    )
    mixed = st.builds(
        lambda customer, script: Ask(0, (0, 1, 2), script=script, others=((1, customer),)),
        st.sampled_from([1, 2]),
        scripts,
    )
    return _one_of(alone, alone, alone, mixed)


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
    return st.builds(
        ByHand, st.sampled_from([0, 0, 1, 2]), st.integers(0, 2), _one_of(st.just(Spelling.ICCID), SPELLINGS, SPELLINGS)
    )


def people() -> st.SearchStrategy[Act]:
    """What people do meanwhile, and what becomes of the vendor's manners."""
    edits = st.builds(Edit, NEWEST, st.sampled_from(list(What)), st.integers(0, 3))
    flips = st.builds(
        ChangeFilter,
        st.sampled_from(["customer_id", "created_date_start", "number", "number2"]),
        st.sampled_from(list(Filters)),
    )
    return _one_of(lines_by_hand(), lines_by_hand(), edits, edits, st.builds(Renumber, st.integers(0, 2)), flips)


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
        people(),
        people(),
    )


ALONE = scripts(_one_of(passes(), st.just(Die()), people()))
"""What may go wrong for a worker while nobody else of ours is at work."""
MEANWHILE = scripts(_one_of(st.just(Die()), passes(), *[_acts(ALONE, ALONE, ALONE)] * 3))
"""Others are at work meanwhile, for whom less may go wrong."""
BEFORE_IT_BEGINS: st.SearchStrategy[int | str] = st.sampled_from(["begin", "begin", 1, 1, 0, 2])
IN_THE_CALL: st.SearchStrategy[int | str] = st.sampled_from(["POST", "sent", "sent", "answered", 1, 2])
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
RIVALS = st.builds(
    lambda moment, rival: Script(turns=((moment, rival),)),
    st.one_of(st.integers(4, 8), st.sampled_from(["list", "after list", "page"])),
    asks(st.just(HONEST)),
)
"""Somebody else asks while a change is checked and planned."""
LONG = st.builds(Pass, st.sampled_from([125.0, 200.0, 1000.0, 8000.0]))
ANSWERED = st.lists(ANSWERS, max_size=3).map(tuple)
STALLS = st.builds(
    lambda answers, moment, first, then: Script(answers, turns=((moment, first), *((-1, act) for act in then))),
    ANSWERED,
    st.one_of(
        st.sampled_from(["after sim", "after list", "answered", "after products", "answered product", "begin product"]),
        st.integers(2, 14),
    ),
    LONG,
    st.one_of(st.just(()), st.tuples(st.builds(Work, st.just(0), script=st.builds(Script, ANSWERED)), LONG)),
)
"""A worker stands still in a look-up or behind an answer for longer than its lease, and meanwhile another works."""
SUPERSEDED = st.builds(
    lambda answers, moment, *then: Script(answers, turns=((moment, TakeOver(0)), *((-1, act) for act in then))),
    ANSWERED,
    st.just("sent"),
    st.just(Close(0)),
    asks(st.just(HONEST)),
)
"""While a call is out, its change is taken over and ends, and somebody asks again."""
PEOPLE = st.builds(
    lambda answers, moment, first, waits, then: Script(answers, turns=((moment, first), (-1, waits), *then)),
    ANSWERED,
    st.sampled_from(AROUND_THE_CALL + LOOKS),
    people(),
    passes(),
    st.lists(st.tuples(MOMENTS, people()), max_size=1),
)
"""Somebody makes or changes lines at Rev.io while a worker is at it."""
QUIET = st.just(HONEST)
WAYS = st.sampled_from([Filters.WORKS, Filters.WORKS, Filters.IGNORED, Filters.NOTHING])
PAGES = st.builds(Manners, st.sampled_from([2, 3]), st.sampled_from(list(Order)), st.booleans(), st.booleans())
SHIFTING = st.builds(Manners, st.just(3), st.just(Order.OLDEST_FIRST), st.just(True))
FILTERS = st.builds(
    Manners, st.sampled_from([2, 3, 50]), st.sampled_from(list(Order)), st.booleans(), st.booleans(), *([WAYS] * 4)
)
BLIND_NUMBERS = st.just(Manners(number2=Filters.NOTHING))
BLIND_NEWS = st.just(Manners(created_date_start=Filters.NOTHING))
MANNERS = _one_of(st.just(Manners()), PAGES, FILTERS)
"""How an account lists its lines: well, with pages that shift or repeat, or with filters that do not work too."""
ACTS = _acts(
    _one_of(QUIET, MEANWHILE),
    _one_of(QUIET, QUIET, MEANWHILE, RIVALS),
    _one_of(MEANWHILE, MEANWHILE, MEANWHILE, DUELS, STALLS, STALLS, SUPERSEDED, PEOPLE, PEOPLE),
)


@st.composite
def stories(draw: st.DrawFn) -> Story:
    """Draw what becomes of one SIM: lines are made for it and changed before, between and after the steps of a change."""
    device, customer = draw(st.integers(0, 2)), draw(st.sampled_from([0, 0, 1, 2]))
    by_hand = st.builds(ByHand, st.sampled_from([customer, customer, 0, 1]), st.just(device), SPELLINGS)
    edits = st.builds(Edit, st.just(0), st.sampled_from(list(What)), st.integers(0, 3))
    meddling = _one_of(by_hand, by_hand, edits, st.builds(Renumber, st.just(customer)))
    lost = st.builds(Answer, st.just(Kind.LOST), st.sampled_from([None, None, 0.0, 40.0]))
    scripts = st.builds(
        Script,
        _one_of(st.just(()), st.tuples(lost)),
        turns=st.lists(st.tuples(st.sampled_from(AROUND_THE_CALL + LOOKS), meddling), max_size=1).map(tuple),
    )
    acts: list[Act] = []
    if draw(st.booleans()):
        acts += [draw(by_hand), draw(passes()), *draw(st.lists(edits, max_size=1)), draw(passes())]
    acts.append(Ask(customer, (device,)))
    if draw(st.booleans()):
        acts += [draw(meddling), draw(LONG)]
    acts.append(Work(0, script=draw(scripts)))
    acts += draw(st.lists(meddling, max_size=1))
    acts += [draw(LONG), Work(0), Close(0)]
    return Story(tuple(acts))


def _short(*acts: Act) -> Story:
    """Return a story that asks for device 0 of customer 0, with these acts after it, and works on to the end."""
    return Story((*acts, LATER, Work(0), Close(0)))


ASK, LATER = Ask(0, (0,)), Pass(1000.0)
LOST = Script((Answer(Kind.LOST, None),))
LOST_BUT_MADE = Script((Answer(Kind.LOST, 0.0),))
STORIES = stories()
"""For the hunts after rules about what people do."""
RECONNECTED = st.builds(
    lambda later: Story(
        (
            *(ByHand(0, 0, Spelling.ALIKE), Pass(65.0), Edit(0, What.DISCONNECT), Pass(65.0)),
            *(ASK, Work(0, script=LOST), Edit(0, What.RECONNECT), later, Work(0)),
        )
    ),
    LONG,
)
"""A line like ours that was disconnected before our call is there again after it."""
RENUMBERED = st.builds(lambda later: _short(ASK, Work(0, script=LOST_BUT_MADE), Renumber(0), later), LONG)
"""A customer gets another number while the outcome of a call is not known."""
ELSEWHERE = st.builds(lambda before: _short(ByHand(1, 0), before, ASK, Work(0)), LONG)
"""The SIM has a line of another customer of the account."""


def there_before(*spellings: Spelling) -> st.SearchStrategy[Act]:
    """Give stories of a SIM that has a line already, spelled in one of these ways."""
    return st.builds(
        lambda spelling, before: _short(ByHand(0, 0, spelling), before, ASK, Work(0)), st.sampled_from(spellings), LONG
    )


MADE_MEANWHILE = st.builds(
    lambda moment: _short(ASK, Work(0, script=replace(LOST, turns=((moment, ByHand(0, 0, Spelling.OTHER_TERMS)),)))),
    st.sampled_from(["POST", "sent"]),
)
"""A person makes a line while our call is out, which fails."""
NEW_LINES = st.builds(
    lambda customer, wait: _short(ASK, wait, ByHand(customer, 0), LATER, Work(0)), st.sampled_from([0, 1]), LONG
)
"""A person makes a line between our plan and our call."""
LONG_LISTS = st.builds(
    lambda devices, asked: Story((*(ByHand(0, device) for device in devices), LATER, Ask(0, asked), Work(0))),
    st.permutations(range(3)),
    st.permutations(range(3)).map(tuple),
)
"""The customer has more lines than a page holds."""
SWAPPED = st.builds(
    lambda later: _short(
        *(ByHand(0, 1), LATER, ByHand(0, 2), LATER, Ask(0, (2,)), Work(0), Close(0)),
        *(later, Edit(1, What.SWAP, 0), Pass(65.0), ASK, Work(0)),
    ),
    LONG,
)
"""A line gets the SIM after the account was listed: nothing new is there."""
HELD_BY_ANOTHER = st.builds(lambda duel, wait: Story((ASK, Work(0, script=duel), wait)), DUELS, passes())
"""Two workers begin the same call."""
SHOWN_LATE = st.builds(
    lambda commits, wait: _short(ASK, Work(0, script=Script((Answer(Kind.LOST, commits),))), Pass(wait), Work(0)),
    st.sampled_from([0.0, 20.0, 40.0]),
    st.sampled_from([52.0, 65.0]),
)
"""A line whose answer was lost is committed or shown when it has been looked for."""
