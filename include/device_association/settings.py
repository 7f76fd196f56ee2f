"""The product's settings: environment variables with the prefix DEVICE_ASSOCIATION_, read when asked for, never at import."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """What can be set from outside. Secrets are not here: they live in Airflow connections."""

    model_config = SettingsConfigDict(env_prefix="DEVICE_ASSOCIATION_", extra="ignore", frozen=True)

    queue_url: str = Field(description="Address of the SQS queue that carries bulk changes.")
    dead_letter_queue_url: str = Field("", description="Address of its dead-letter queue; empty: nobody looks into it.")
    base_url: str = Field("http://127.0.0.1:8080", description="Where a browser reaches Airflow; links start with it.")
    data_docs_dir: Path = Field(
        Path("data_docs"), description="Folder for the data check reports; shared by workers and api-server."
    )
    max_devices: int = Field(100_000, ge=1, description="Most devices of one request; above it TOO_MANY_DEVICES.")
    max_mapped_tasks: int = Field(
        200, ge=1, le=1000, description="Most mapped tasks of one change; above it a task takes a slice of devices."
    )
    min_slice_devices: int = Field(50, ge=1, description="Fewest devices of a slice, once a change needs slices.")
    rows_per_statement: int = Field(
        4000, ge=1, le=4000, description="Most rows that one statement changes (SQL Server escalates locks near 5,000)."
    )
    rev_concurrency: int = Field(8, ge=1, le=64, description="Calls to Rev.io that one task has in flight.")
    rev_connect_timeout_seconds: float = Field(5.0, gt=0, description="Longest wait for a connection to Rev.io.")
    rev_read_timeout_seconds: float = Field(25.0, gt=0, description="Longest silence while Rev.io answers.")
    rev_call_timeout_seconds: float = Field(40.0, gt=0, description="Longest a whole call to Rev.io may take.")
    rev_lease_seconds: float = Field(
        90.0, gt=0, description="How long a worker owns a call it began; must outlast rev_call_timeout_seconds."
    )
    rev_search_lag_seconds: float = Field(
        120.0,
        ge=0,
        description="How long a line must stay absent before an unknown call is repeated; must exceed Rev.io's search lag.",
    )
    rev_retry_window_seconds: float = Field(
        60.0, gt=0, description="How long a call that was turned away is repeated before the task gives its slot back."
    )
    requeue_after_seconds: float = Field(
        600.0, gt=0, description="How long a change's message may stay without a run before the sweep sends it again."
    )
    abort_percent: int = Field(
        50, ge=1, le=100, description="A change is stopped once Rev.io refused this share of its devices, in percent."
    )
    abort_min_sample: int = Field(50, ge=1, description="Fewest devices that Rev.io answered before that share counts.")
    run_alert_minutes: float = Field(
        540, gt=0, description="A run of associate_customer that takes longer is told; 100,000 devices may take 520."
    )
    alarm_connection: str = Field(
        "",
        description="Airflow connection through which alarms are told: http (a webhook, Slack's too), smtp, aws (SNS); "
        "empty: nobody is told.",
    )
    alarm_mail_to: str = Field("", description="Who gets an alarm's mail, where that connection is smtp.")
    runbooks_url: str = Field("docs/runbooks", description="Where the runbook pages are; alarms link to them.")
    retention_days: int = Field(
        400, ge=31, description="How many days after its end what a change leaves in our working tables is kept."
    )
