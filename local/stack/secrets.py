"""The passwords and keys of one stack: generated at its first start, kept in its state folder, for its owner's eyes."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
import secrets
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path


def _token() -> str:
    """Return a secret without punctuation: it may stand in a URL, and after an option without looking like one."""
    return secrets.token_hex(20)


def _fernet_key() -> str:
    return base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()


@dataclass(frozen=True)
class StackSecrets:
    """Everything secret about one stack, except the passwords of people."""

    postgres_password: str = field(default_factory=_token)
    fernet_key: str = field(default_factory=_fernet_key)
    jwt_secret: str = field(default_factory=lambda: secrets.token_hex(64))
    api_secret_key: str = field(default_factory=_token)
    aws_access_key: str = field(default_factory=_token)
    aws_secret_key: str = field(default_factory=_token)
    notification_token: str = field(default_factory=_token)
    revio_secret: str = field(default_factory=_token)
    redis_password: str = field(default_factory=_token)

    def revio(self, *names: str) -> str:
        """Return the secret of one thing at the Rev.io simulator: the same names always give the same secret."""
        return hmac.new(self.revio_secret.encode(), "/".join(names).encode(), hashlib.sha256).hexdigest()[:40]


def stack_secrets(state_dir: Path) -> StackSecrets:
    """Return the stack's secrets; the first call writes them, and a later one what an older stack did not have yet."""
    file = state_dir / "secrets.json"
    known: dict[str, str] = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
    secrets_now = StackSecrets(**known)
    if asdict(secrets_now) != known:
        write_private(file, json.dumps(asdict(secrets_now), indent=2))
    return secrets_now


def passwords_file(state_dir: Path) -> Path:
    """Return where Airflow's simple auth manager finds the passwords of people."""
    return state_dir / "passwords.json"


def passwords(state_dir: Path, users: Iterable[str]) -> dict[str, str]:
    """Return everybody's password; whoever has none gets one.

    They are made here because Airflow prints the passwords that it makes itself into the log.
    """
    file = passwords_file(state_dir)
    known: dict[str, str] = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
    missing = {user: secrets.token_hex(6) for user in users if user not in known}
    if missing:
        write_private(file, json.dumps(known | missing, indent=2))
    return known | missing


def write_private(file: Path, content: str) -> None:
    """Write a file that only its owner can read; a reader sees the old content or the new, never a part."""
    temporary = file.with_suffix(".new")
    temporary.unlink(missing_ok=True)
    with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as output:
        output.write(content)
    temporary.replace(file)
