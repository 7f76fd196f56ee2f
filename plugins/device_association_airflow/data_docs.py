"""The data checks as a task, with a link to their report, and the pages that serve the reports."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from airflow.sdk import BaseOperator, BaseOperatorLink, Context
from device_association.errors import ClaimLost

from device_association_airflow import connections

PREFIX = "/device-association"


class DataDocsLink(BaseOperatorLink):
    """The button that leads from the task to the report of its data checks."""

    name = "Data checks"

    def get_link(self, operator: BaseOperator, *, ti_key: Any) -> str:
        """Return the report's address; empty while there is none."""
        return getattr(operator, "report_url", None) or ""


class CheckDataOperator(BaseOperator):
    """Runs the data checks over the change's open rows; see `device_association.data_checks`."""

    template_fields = ("work",)
    operator_extra_links = (DataDocsLink(),)
    ui_color = "#fff"

    def __init__(self, *, work: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.work = work
        self.report_url: str | None = None

    def execute(self, context: Context) -> None:
        """Check, and say where the report is."""
        from airflow.sdk.exceptions import AirflowSkipException
        from device_association import data_checks

        from device_association_airflow.association_tasks import claim_of

        claim = claim_of(self.work)
        report = f"{claim.bulk_change_id}/{claim.retry_number}"
        self.report_url = f"{connections.settings().base_url.rstrip('/')}{PREFIX}/data-docs/{report}/index.html"
        self.log.info("the report will be at %s", self.report_url)
        folder: Path = connections.settings().data_docs_dir / report
        try:
            passed = data_checks.check_data(connections.portal(), claim, docs_folder=folder, now=connections.clock())
        except ClaimLost as lost:
            self.log.warning("%s", lost)
            raise AirflowSkipException(str(lost)) from None
        self.log.info("%s rows passed", passed)
