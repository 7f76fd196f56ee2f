"""Works through things one by one: one that cannot be done is logged and reported, and the others are done."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine

from device_association.database.execution import in_transaction, run, values
from device_association.domain.errors import ClaimLost, DatabaseUnavailable
from device_association.domain.storable_text import storable
from device_association.findings.store import Finding, FindingKind, report

Result = TypeVar("Result")
Thing = TypeVar("Thing")
MAX_NAMED = 20
"""Single failures of one pass that are logged and reported by name; more of them are reported together."""
log = logging.getLogger(__name__)


@dataclass(slots=True)
class OneByOne:
    """One pass of a job over its things. `job` names it in the findings about the things that it could not do.

    No job's name is another's up to a colon, nor holds what people write: the findings of a job are known by its name.
    """

    engine: Engine
    job: str
    now: datetime
    failed: int = field(default=0, init=False)

    def attempt(self, subject: str, work: Callable[[], Result], otherwise: Result, **about: Any) -> Result:
        """Return what `work` returns, or `otherwise` where it fails: then the failure is a finding about the subject.

        `about` are the fields of the finding that say whose the thing is; Any, since they are numbers and texts. Raises
        DatabaseUnavailable, which every other thing would meet too.
        """
        try:
            return work()
        except DatabaseUnavailable:
            raise
        except Exception as problem:
            log.exception("%s: %s could not be done; the others are done", self.job, subject)
            self.report(subject, error_text(problem), **about)
            return otherwise

    def report(self, subject: str, why: str, **about: Any) -> None:
        """Keep a finding that the job could not do this one, in a transaction of its own."""
        self.failed += 1
        detail = f"{self.job} could not be done for {subject}: {why}"
        finding = Finding(FindingKind.WORK_FAILED, self.subject_of(subject), detail, **about)

        def keep(connection: Connection) -> None:
            kept = finding
            if finding.tenant_id is None and finding.bulk_change_id is not None:
                kept = replace(finding, tenant_id=_tenant_of(connection, finding.bulk_change_id))
            report(connection, [kept], now=self.now)

        in_transaction(self.engine, keep)

    def subject_of(self, thing: str) -> str:
        """Return the subject of the finding about a thing."""
        return storable(f"{self.job}: {thing}", 200)

    def not_done(self) -> frozenset[str]:
        """Return the subjects of the open findings about things that no pass has done yet."""
        with self.engine.connect() as connection:
            subjects = values(connection, "findings/list_not_done", job=self._prefix, length=len(self._prefix))
        return frozenset(subjects)

    def done(self, thing: str) -> None:
        """Close the finding about one thing, which is done now; for a job whose passes are never over all things."""

        def close(connection: Connection) -> None:
            run(connection, "findings/close_one", subject=self.subject_of(thing), now=self.now)

        in_transaction(self.engine, close)

    def end(self) -> None:
        """Close the findings about things that this pass has done; only a pass over all of them may call this."""

        def close(connection: Connection) -> None:
            run(connection, "findings/close_done", job=self._prefix, length=len(self._prefix), now=self.now)

        in_transaction(self.engine, close)

    @property
    def _prefix(self) -> str:
        """What the subjects of the job's findings begin with."""
        return self.subject_of("")


def in_halves(
    things: Sequence[Thing], work: Callable[[Sequence[Thing]], Result], failed: Callable[[Thing, Exception], None]
) -> list[Result]:
    """Work on all things at once, and where that fails on each half, down to the single thing that fails alone.

    Returns: what `work` returned for each part. `failed` is called for each single thing; however many these are, the
    others are done. Raises ClaimLost and DatabaseUnavailable at once.
    """
    try:
        return [work(things)]
    except (ClaimLost, DatabaseUnavailable):
        raise
    except Exception as problem:
        if len(things) == 1:
            failed(things[0], problem)
            return []
    middle = len(things) // 2
    return in_halves(things[:middle], work, failed) + in_halves(things[middle:], work, failed)


def _tenant_of(connection: Connection, bulk_change_id: int) -> int | None:
    found = values(connection, "findings/find_tenant", bulk_change_id=bulk_change_id)
    return found[0] if found else None


def error_text(problem: BaseException) -> str:
    """Return what an error says, in one line that a column holds; a driver's error without statement and binds."""
    original = getattr(problem, "orig", None) or problem
    text = " ".join(str(original).split())
    return storable(f"{type(original).__name__}: {text}", 700, instead="\ufffd")
