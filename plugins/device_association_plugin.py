"""Airflow's entry point to the product: the pages that the api-server serves for it."""

from __future__ import annotations

from typing import Any, ClassVar

from airflow.plugins_manager import AirflowPlugin

from device_association_airflow.report_pages import PREFIX, report_app


class DeviceAssociationPlugin(AirflowPlugin):
    """Serves the reports of the data checks to people who are signed in."""

    name = "device_association"
    fastapi_apps: ClassVar[list[Any]] = [
        {"app": report_app, "url_prefix": PREFIX, "name": "Device association reports"}
    ]
