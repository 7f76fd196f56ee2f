"""What can be set about the local stack: environment variables with the prefix DEVICE_ASSOCIATION_LOCAL_, or `.env`."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal, Self

from pydantic import Field, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

REPOSITORY = Path(__file__).resolve().parents[2]
PREFIX = "DEVICE_ASSOCIATION_LOCAL_"
HOST = "127.0.0.1"
"""Every part listens here and nowhere else."""

Role = Literal["viewer", "user", "op", "admin"]
Executor = Literal["LocalExecutor", "CeleryExecutor"]


class LocalSettings(BaseSettings):
    """One local stack. Two objects with other ports and another state folder are two stacks that never meet."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, env_file=REPOSITORY / ".env", extra="ignore", frozen=True)

    state_dir: Path = Field(
        default=REPOSITORY / ".local",
        description="Folder of databases, logs, secrets and pid files; relative to the checkout.",
    )
    postgres_port: int = Field(
        default=18432, ge=1, le=65535, description="Port of PostgreSQL (databases airflow and portal)."
    )
    sqs_port: int = Field(default=18324, ge=1, le=65535, description="Port of the SQS server.")
    revio_port: int = Field(default=18500, ge=1, le=65535, description="Port of the Rev.io simulator.")
    notification_port: int = Field(
        default=18600, ge=1, le=65535, description="Port of the receiver of the 2.0 notification."
    )
    airflow_port: int = Field(default=8080, ge=1, le=65535, description="Port of Airflow's UI and API.")
    redis_port: int = Field(default=18379, ge=1, le=65535, description="Port of Redis, with CeleryExecutor only.")
    executor: Executor = Field(
        default="LocalExecutor",
        description="Where tasks run: in the scheduler, or (CeleryExecutor) in two workers behind Redis.",
    )
    portal_url: SecretStr | None = Field(
        default=None,
        description="SQLAlchemy URL of the portal's database, when it is another than the stack's own PostgreSQL.",
    )
    revio_latency_ms: int = Field(default=0, ge=0, description="How long the Rev.io simulator takes for each answer.")
    revio_calls_per_minute: int = Field(
        default=500, ge=1, description="Calls a minute that the simulator lets each account do."
    )
    revio_manners: dict[str, Any] = Field(
        default={},
        description="More settings of the Rev.io simulator, as JSON; a time zone in it is the connection's, too.",
    )
    parallelism: int = Field(default=8, ge=1, description="Tasks that Airflow runs at the same time.")
    rev_services_slots: int = Field(default=16, ge=1, description="Slots of the Airflow pool rev_services.")
    users: dict[str, Role] = Field(
        default={"admin": "admin", "dora.ops": "op", "vic.viewer": "viewer"},
        description="Who can sign in to Airflow, with their role, as JSON; passwords are generated.",
    )
    dags_folder: Path = Field(default=REPOSITORY / "dags", description="Folder of the DAGs.")
    plugins_folder: Path = Field(default=REPOSITORY / "plugins", description="Folder of the Airflow plugins.")
    product: dict[str, str] = Field(
        default={},
        description="More environment variables for every Airflow process, as JSON; they win over all others.",
    )

    @field_validator("state_dir", "dags_folder", "plugins_folder")
    @classmethod
    def _from_the_checkout(cls, path: Path) -> Path:
        return (REPOSITORY / path.expanduser()).resolve()

    @model_validator(mode="after")
    def _ports_differ(self) -> Self:
        names: dict[int, str] = {}
        for setting, port in self.ports.items():
            if port in names:
                raise ValueError(f"{variable(setting)} and {variable(names[port])} are both {port}; choose two ports")
            names[port] = setting
        return self

    @field_validator("users")
    @classmethod
    def _has_admin(cls, users: dict[str, Role]) -> dict[str, Role]:
        if users.get("admin") != "admin":
            raise ValueError('the user "admin" with the role admin is needed by the stack itself')
        return users

    @property
    def ports(self) -> dict[str, int]:
        """Every port that the stack listens on, by the name of its setting."""
        return {name: getattr(self, name) for name in type(self).model_fields if name.endswith("_port")}

    @property
    def logs_dir(self) -> Path:
        """Where each part writes `<part>.log`."""
        return self.state_dir / "logs"

    @property
    def run_dir(self) -> Path:
        """Where the stack remembers which processes are its own."""
        return self.state_dir / "run"

    @property
    def airflow_home(self) -> Path:
        """AIRFLOW_HOME of this stack."""
        return self.state_dir / "airflow"

    @property
    def airflow_url(self) -> str:
        """Where a browser reaches Airflow."""
        return f"http://{HOST}:{self.airflow_port}"

    @property
    def sqs_url(self) -> str:
        """Endpoint of the SQS server."""
        return f"http://{HOST}:{self.sqs_port}"

    @property
    def revio_url(self) -> str:
        """Where the Rev.io simulator answers."""
        return f"http://{HOST}:{self.revio_port}"

    @property
    def notification_url(self) -> str:
        """Where the receiver of the 2.0 notification answers."""
        return f"http://{HOST}:{self.notification_port}"

    @property
    def seed_file(self) -> Path:
        """What the Rev.io simulator holds at its start; its accounts become Airflow connections."""
        return self.state_dir / "revio_seed.json"


def variable(setting: str) -> str:
    """Return the environment variable of a setting."""
    return PREFIX + setting.upper()
