"""Airflow's entry point to the product: the pages that the api-server serves for it."""

from __future__ import annotations

from typing import Any, ClassVar

from airflow.plugins_manager import AirflowPlugin

from device_association_airflow.alert_notifiers import RunQueued
from device_association_airflow.api.app import PREFIX
from device_association_airflow.reports.app import PREFIX as REPORTS
from device_association_airflow.reports.app import report_app
from device_association_airflow.ui.app import portal_app


class DeviceAssociationPlugin(AirflowPlugin):
    """Serves the portal's API and screens, and the reports of the data checks, to people who are signed in."""

    name = "device_association"
    fastapi_apps: ClassVar[list[Any]] = [
        {"app": portal_app, "url_prefix": PREFIX, "name": "Device association"},
        {"app": report_app, "url_prefix": REPORTS, "name": "Device association reports"},
    ]
    external_views: ClassVar[list[Any]] = [
        {
            "name": "Bulk changes",
            "href": "M2M/ui/changes",
            "destination": "nav",
            "nav_top_level": True,
            "url_route": "bulk-changes",
            "icon": "M2M/ui/assets/icon.svg",
            "icon_dark_mode": "M2M/ui/assets/icon-dark.svg",
        }
    ]
    """Relative to Airflow's own address, which may begin with a path."""
    deadline_references: ClassVar[list[Any]] = [RunQueued]
