"""Lines of others: never doubled, never ended by us, mirrored as they are, and what remains is reported."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from chaos.checks.sims import sim_key
from chaos.checks.stories import State, Story
from chaos.checks.view import View
from chaos.checks.violations import Violation
from chaos.records.world import Row

WINDOW = timedelta(seconds=90)
"""What remains open (Duplicates 5): the last look is at most 60 s old when a call begins, which lasts up to 12 s here, and a
machine may stand still for 18 s between its last check and the socket."""
RIGHT_BEFORE = timedelta(seconds=30)
"""A revert reads a line right before its DELETE: one call, and a machine that stands still."""


def no_line_beside_another(view: View) -> Iterator[Violation]:
    """No line is made for a SIM that has one, whoever made that and whatever customer it is of.

    A line of the same account that others made within the window before our call is what remains.
    """
    for made, other, since in _beside(view):
        if not _is_in_window(view, made, since):
            kind = "line doubled" if since.customer == made.customer else "line beside another customer's"
            kind = "line beside an unjudged one" if other.is_raw else kind
            said = f"line {_number(made)} was made for {_sim(made)} at {made.at:%H:%M:%S}, beside {_told(other, since)}"
            yield Violation(kind, said, None, _sim(made))


def doubles_are_reported(view: View) -> Iterator[Violation]:
    """Two lines of a SIM that the window let through are a finding as long as both are billed."""
    if not view.is_reconciled:
        return
    for made, other, since in _beside(view):
        story = view.stories[_account(view, made), _number(made)]
        if not _is_in_window(view, made, since) or not (story.end.is_active and other.end.is_active):
            continue
        if not view.is_found(_sim(made), {(story.account, story.number), (other.account, other.number)}):
            said = (
                f"line {_number(made)} for {_sim(made)} is billed beside {_told(other, since)}, and no finding says so"
            )
            yield Violation("double not reported", said, None, _sim(made))


def no_line_of_others_is_ended(view: View) -> Iterator[Violation]:
    """We end what we made, and only while it is still the line that we made."""
    for story in view.stories.values():
        for state in story.states:
            if state.kind != "service_disconnected" or state.by != "api":
                continue
            first, last = story.states[0], story.before(state.place)
            is_another = last is not None and (
                (last.customer, _sim(last)) != (first.customer, _sim(first)) and state.at - last.at > RIGHT_BEFORE
            )
            if not story.is_ours or is_another:
                said = f"line {story.number} of {_told(story, last or first)} was disconnected by us"
                yield Violation("line of others ended", said, None, _sim(state))


def adopted_lines_are_mirrored_as_they_are(view: View) -> Iterator[Violation]:
    """The mirror has what the vendor lists, not what a request asked for."""
    for row in view.mirror.values():
        story = view.stories.get((view.accounts[row["integrationauthenticationid"]], row["revserviceid"]))
        if story is None or story.is_ours or row["isdeleted"] or story.end.record is None:
            continue
        listed = story.end.record.get("description")
        if (row.get("description") or None) != (listed or None):
            said = f"line {story.number} is {listed!r} at the vendor, the mirror says {row['description']!r}"
            yield Violation("mirror of the request", said, None, row["number2"])


def codes_have_a_cause(view: View) -> Iterator[Violation]:
    """Who is refused because of lines at the vendor has such lines there."""
    for change, rows in view.rows.items():
        for row in rows:
            stories = view.stories_of(row["iccid"])
            asked = view.whose(change, row["iccid"])
            if row["errorcode"] == "REV_LINE_OF_OTHER_CUSTOMER" and asked:
                others = {state.customer for story in stories for state in story.states} - {asked["customer"]}
                is_right = bool(others)
            elif row["errorcode"] == "REV_LINE_AMBIGUOUS":
                is_right = len(stories) > 1 or any(story.is_raw or story.is_touched for story in stories)
            else:
                continue
            if not is_right:
                said = f"{row['iccid']} of change {change} ended as {row['errorcode']}; the vendor has {len(stories)} lines"
                yield Violation("code without cause", said, change, row["iccid"])


def one_program_works_on_a_change(view: View) -> Iterator[Violation]:
    """Nothing is called for a change that the old worker has begun."""
    for intent in view.table("line_intent"):
        change = intent["bulkchangeid"]
        if change in view.taken_changes:
            said = f"a line for {intent['iccid']} of change {change} was planned, and the old worker had that change"
            yield Violation("two programs", said, change, intent["iccid"])


def count_doubles_in_the_window(view: View) -> int:
    """Return how many lines were made beside others of which nobody could know."""
    return sum(_is_in_window(view, made, since) for made, _, since in _beside(view))


def _beside(view: View) -> Iterator[tuple[State, Story, State]]:
    """Yield each line that a call made, with each other line that its SIM had then, and since when."""
    for story in view.stories.values():
        made = story.states[0]
        if made.by != "api" or made.record is None or _sim(made) is None:
            continue
        keys = view.keys_of_sim(str(_sim(made)))
        for other in view.stories_by_keys(keys):
            since = other.since(made.place, keys) if other is not story else None
            is_seen = other.account == story.account or (other.is_ours and since is not None and since.by == "api")
            if since is not None and is_seen:
                yield made, other, since


def _is_in_window(view: View, made: State, since: State) -> bool:
    """Whether nobody could know: a person was faster, or a filter that was proven within the hour found nothing."""
    is_blind = any(start <= made.at <= end + WINDOW for start, end in view.blind_spans)
    return (since.by == "person" and made.at - since.at <= WINDOW) or (is_blind and since.by != "api")


def _account(view: View, made: State) -> str:
    return str(view.world.journal[made.place]["account"])


def _number(state: State) -> int:
    return int((state.record or {})["service_id"])


def _sim(state: State) -> str | None:
    found: Row = state.record or {}
    return found.get("number2") if sim_key(found.get("number2")) else None


def _told(story: Story, state: State) -> str:
    what = "raw record" if story.is_raw else "line"
    return f"{what} {story.number} of customer {state.customer} ({state.kind} by {state.by} at {state.at:%F %T})"


CHECKS = (
    no_line_beside_another,
    doubles_are_reported,
    no_line_of_others_is_ended,
    adopted_lines_are_mirrored_as_they_are,
    codes_have_a_cause,
    one_program_works_on_a_change,
)
