"""The gate before any outside effect: Great Expectations over the change's open rows as one pandas frame.

The suite stands in `include/expectations`. A critical expectation that fails stops the change as a whole; warnings are
recorded. Great Expectations itself is imported inside the one function that needs it: the import takes 5 to 7 seconds.
"""

from __future__ import annotations

import json
import logging
import shutil
import time
from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
from sqlalchemy import Connection, Engine

from device_association.bulk_changes.claims import Claim, holding
from device_association.bulk_changes.ended_rows import log_and_release
from device_association.bulk_changes.steps import log_change_step, record_step
from device_association.database.batches import in_batches, row_batches
from device_association.database.execution import rows
from device_association.domain.association_request import is_iccid, luhn_holds
from device_association.domain.codes import DeviceCode
from device_association.domain.errors import DataCheckFailed
from device_association.requests.device_rules import count_rows

STEP = "check_data"
SUITE = Path(__file__).resolve().parents[2] / "expectations" / "customer_assignment.json"
STYLES = SUITE.with_name("report.css")
"""Makes the report readable where a browser cannot load its usual styles from elsewhere."""
VIEWS = {"module_name": "device_association.data_checks.report_views"}
EARLIEST = datetime(1990, 1, 1, tzinfo=UTC)
AHEAD = timedelta(days=3653)
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Finding:
    """One expectation that does not hold: in words, how many rows break it, and some of what was found."""

    words: str
    is_critical: bool
    unexpected: int
    examples: tuple[str, ...]

    def __str__(self) -> str:
        seen = f", for example {', '.join(self.examples)}" if self.examples else ""
        return f"expected: {self.words}; {self.unexpected} rows differ{seen}"


@dataclass(frozen=True, slots=True)
class OpenRow:
    """An open row with what it names; `*_resolved`: 0 or 1, whether all of that kind is there, as the suite asks for it."""

    row_id: int
    iccid: str
    device_id: int | None
    customer_number: str | None
    rev_customer_id: str | None
    site_id: int | None
    device_resolved: int
    account_resolved: int
    plan_resolved: int
    effective_date: datetime


def check_data(engine: Engine, claim: Claim, *, docs_folder: Path, now: datetime) -> int:
    """Check the change's open rows and record that they passed: NEW becomes PROCESSING; return how many.

    Writes Data Docs into `docs_folder`. Raises DataCheckFailed, after every open row has become ERROR, when a critical
    expectation fails. A second run checks again and changes nothing that passed.
    """
    began = time.perf_counter()
    frame, open_rows = load_frame(engine, claim.bulk_change_id, now)
    findings = validate(frame, open_rows=open_rows, docs_folder=docs_folder, now=now) if open_rows else []
    for finding in findings:
        log.log(logging.ERROR if finding.is_critical else logging.WARNING, "%s", finding)
    critical = [finding for finding in findings if finding.is_critical]
    last_row_id = int(frame["row_id"].max()) if open_rows else 0
    holding(engine, claim, now, lambda connection: _record(connection, claim, findings, last_row_id, now, began))
    if critical:
        raise DataCheckFailed(f"bulk change {claim.bulk_change_id}: " + "; ".join(map(str, critical)))
    return open_rows


def load_frame(engine: Engine, bulk_change_id: int, now: datetime) -> tuple[pd.DataFrame, int]:
    """Return the open rows with all they name resolved, and how many open rows the change itself counts."""
    with engine.connect() as connection:
        found = rows(connection, OpenRow, "data_checks/load_frame", bulk_change_id=bulk_change_id, now=now)
        counts = count_rows(connection, bulk_change_id)
    frame = pd.DataFrame({field.name: [getattr(one, field.name) for one in found] for field in fields(OpenRow)})
    if not frame.empty:
        frame["luhn_holds"] = [is_iccid(iccid) and luhn_holds(iccid) for iccid in frame["iccid"]]
    return frame, counts.open_rows


def validate(frame: pd.DataFrame, *, open_rows: int, docs_folder: Path, now: datetime) -> list[Finding]:
    """Return what does not hold of the suite, and write the report that a person reads."""
    import great_expectations as gx
    from great_expectations.data_context.types.base import ProgressBarsConfig

    logging.getLogger("great_expectations").setLevel(logging.WARNING)  # its every step would hide what was found
    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = ProgressBarsConfig(globally=False, metric_calculations=False)
    context.delete_data_docs_site("local_site")
    context.add_data_docs_site("association", _site(docs_folder))
    batch = context.data_sources.add_pandas("portal").add_dataframe_asset("open rows")
    definition = context.validation_definitions.add(
        gx.ValidationDefinition(
            name="customer assignment",
            data=batch.add_batch_definition_whole_dataframe("whole change"),
            suite=context.suites.add(gx.ExpectationSuite(**json.loads(SUITE.read_text(encoding="utf-8")))),
        )
    )
    result = definition.run(
        batch_parameters={"dataframe": frame},
        expectation_parameters={
            "open_rows": open_rows,
            "earliest": EARLIEST.isoformat(),
            "latest": (now + AHEAD).isoformat(),
        },
    )
    context.build_data_docs()
    _add_styles(docs_folder)
    return [_finding(one) for one in result.results if not one.success]


def _add_styles(docs_folder: Path) -> None:
    styles = STYLES.read_text(encoding="utf-8")
    for page in docs_folder.rglob("*.html"):
        text = page.read_text(encoding="utf-8")
        page.write_text(text.replace("</head>", f"<style>{styles}</style></head>", 1), encoding="utf-8")


def _site(folder: Path) -> dict[str, object]:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return {
        "class_name": "SiteBuilder",
        "site_name": "Data checks",
        "show_how_to_buttons": False,
        "store_backend": {"class_name": "TupleFilesystemStoreBackend", "base_directory": str(folder)},
        "site_index_builder": {"class_name": "DefaultSiteIndexBuilder", "view": VIEWS | {"class_name": "IndexView"}},
        "site_section_builders": {
            "expectations": {"view": VIEWS | {"class_name": "PageView"}},
            "validations": {"view": VIEWS | {"class_name": "PageView"}},
            "profiling": "none",
        },
    }


def _finding(result: Any) -> Finding:  # Great Expectations has no types
    found = result.result or {}
    config = result.expectation_config
    return Finding(
        words=config.description or config.type,
        is_critical=str(getattr(config.severity, "value", config.severity)) != "warning",
        unexpected=int(found.get("unexpected_count") or 0),
        examples=tuple(str(one) for one in (found.get("partial_unexpected_list") or [])[:3]),
    )


def _record(
    connection: Connection, claim: Claim, findings: Sequence[Finding], last_row_id: int, now: datetime, began: float
) -> None:
    """Write what was found; open the gate, or refuse every open row, in the same transaction."""
    about = {"bulk_change_id": claim.bulk_change_id, "actor": claim.actor, "now": now}
    critical = [finding for finding in findings if finding.is_critical]
    reasons = "; ".join(map(str, critical))
    warnings = "; ".join(str(finding) for finding in findings if not finding.is_critical)
    log_change_step(
        connection,
        claim.bulk_change_id,
        STEP,
        response=warnings or "all expectations hold",
        error=reasons or None,
        actor=claim.actor,
        now=now,
    )
    if critical:
        details = f"{DeviceCode.DATA_CHECK_FAILED}: {reasons}; nothing was billed or associated"
        batches = row_batches(connection, claim.bulk_change_id)
        refusal = {"code": DeviceCode.DATA_CHECK_FAILED, "details": details}
        in_batches(connection, "data_checks/reject_open_rows", batches, **refusal, **about)
        log_and_release(connection, claim.bulk_change_id, batches, step=STEP, actor=claim.actor, now=now)
        counts = {"failed": len(critical)}
    else:
        checked = row_batches(connection, claim.bulk_change_id, up_to=last_row_id)
        passed = in_batches(connection, "data_checks/begin_checked_rows", checked, **about)
        counts = {"passed": passed}
    counts["warnings"] = len(findings) - len(critical)
    record_step(connection, claim, STEP, counts, started=now, began=began)
