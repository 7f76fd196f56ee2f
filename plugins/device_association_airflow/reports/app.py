"""Serves the reports of the data checks in Airflow's api-server, to people who are signed in there."""

from __future__ import annotations

from airflow.api_fastapi.core_api.security import GetUserDep
from fastapi import FastAPI, HTTPException
from fastapi.responses import FileResponse

from device_association.settings import Settings

PREFIX = "/device-association"

report_app = FastAPI(title="Device association reports", docs_url=None, redoc_url=None, openapi_url=None)


@report_app.get("/data-docs/{bulk_change_id}/{retry_number}/{page:path}")
def data_docs(
    bulk_change_id: int,
    retry_number: int,
    page: str,
    user: GetUserDep,  # noqa: ARG001 -- asking for it refuses who is not signed in
) -> FileResponse:
    """Return a page of one change's report; what lies outside its folder does not exist."""
    folder = (Settings().data_docs_dir / str(bulk_change_id) / str(retry_number)).resolve()
    file = (folder / page).resolve()
    if not (file.is_relative_to(folder) and file.is_file()):
        raise HTTPException(404, f"there is no report page {page!r} for bulk change {bulk_change_id}")
    return FileResponse(file, headers={"Content-Security-Policy": "frame-ancestors 'self'"})
