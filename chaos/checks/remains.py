"""Nothing is billed that nobody knows of: every line of ours is somebody's or reported, and products end with their line."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from chaos.checks.sims import sim_key
from chaos.checks.stories import Story
from chaos.checks.view import View
from chaos.checks.violations import Violation


def each_line_is_accounted_for(view: View) -> Iterator[Violation]:
    """A line of ours that is billed belongs to a device that succeeded, or its row or a finding names it."""
    for key, story in view.stories.items():
        if not story.is_ours or not story.end.is_active:
            continue
        sim = (story.states[0].record or {}).get("number2")
        if not _is_named(view, story, sim) and not view.is_found(sim, {key}):
            said = (
                f"line {story.number} for {sim} ({story.account}) is billed; no row has it or names it, and no finding"
            )
            yield Violation("line unreported", said, None, sim)


def products_end_with_their_line(view: View) -> Iterator[Violation]:
    """What was put on a line that we disconnected is disconnected, too, or a finding names the line."""
    billed: Counter[tuple[str, int, int]] = Counter()
    for entry in view.world.journal:
        one = entry.get("product")
        if one is not None:
            step = 1 if entry["kind"] == "product_created" else -1
            billed[entry["account"], one["service_id"], one["product_id"]] += step
    for (account, line, product), count in billed.items():
        story = view.stories.get((account, line))
        if story is None or count < 1 or not _was_ended_by_us(story):
            continue
        sim = (story.end.record or {}).get("number2")
        if not view.is_found(None, {(account, line)}):
            said = f"line {line} of {sim} was disconnected by us, its product {product} is billed on"
            yield Violation("product billed on", said, None, sim)


def _is_named(view: View, story: Story, sim: str | None) -> bool:
    for row in view.rows_of_sim.get(sim_key(sim), []):
        asked, made = view.whose(row["bulkchangeid"], row["iccid"]), story.states[0]
        is_right = asked is None or (asked["customer"], asked["account_name"]) == (made.customer, story.account)
        if (row["status"] == "PROCESSED" and is_right) or str(story.number) in (row["statusdetails"] or ""):
            return True
    return False


def _was_ended_by_us(story: Story) -> bool:
    ended = [state for state in story.states if state.kind == "service_disconnected"]
    return bool(ended) and ended[-1].by == "api" and not story.end.is_active and story.end.record is not None


CHECKS = (each_line_is_accounted_for, products_end_with_their_line)
