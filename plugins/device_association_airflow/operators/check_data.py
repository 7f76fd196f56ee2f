"""The data checks as an operator, with a link to their report."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from airflow.sdk import BaseOperator, BaseOperatorLink, Context

from device_association.bulk_changes.claims import Claim
from device_association.data_checks import report_files
from device_association_airflow import connections
from device_association_airflow.task_context import current_claim, log_domain_errors

REPORTS = "/device-association/data-docs"


class DataDocsLink(BaseOperatorLink):
    """The button that leads from the task to the report of its data checks."""

    name = "Data checks"

    def get_link(self, operator: BaseOperator, *, ti_key: Any) -> str:
        """Return the report's address; empty while there is none."""
        return getattr(operator, "report_url", None) or ""


class CheckDataOperator(BaseOperator):
    """Runs the data checks over the change's open rows; see `device_association.data_checks.gate`."""

    operator_extra_links = (DataDocsLink(),)

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.report_url: str | None = None

    @log_domain_errors
    def execute(self, context: Context) -> None:
        """Check, and say where the report is."""
        from device_association.data_checks import gate  # imports pandas: no DAG file may pay for that

        claim: Claim = current_claim()
        report = f"{claim.bulk_change_id}/{claim.retry_number}"
        folder = connections.settings().data_docs_dir / report
        try:
            passed = gate.check_data(connections.portal(), claim, docs_folder=folder, now=connections.clock())
            self.log.info("%s rows passed", passed)
        finally:
            if page := report_files.report_page(folder):
                address = f"{connections.settings().base_url.rstrip('/')}{REPORTS}/{report}/{quote(page)}"
                self.report_url = address
                self.log.info("the report: %s", address)
