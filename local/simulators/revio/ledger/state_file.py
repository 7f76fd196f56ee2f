"""A file that only grows: one JSON object a line, written before the caller is answered."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from pathlib import Path


class StateFileTaken(RuntimeError):
    """Another simulator writes to this state file."""


class StateFile:
    """The durable side of the ledger; without a path it remembers nothing."""

    def __init__(self, path: Path | None) -> None:
        self._file: int | None = None
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
            self._claim(path)

    def lines(self) -> Iterator[bytes]:
        """Yield what was written, and cut off a last line that a killed process left unfinished."""
        if self._file is None:
            return
        with os.fdopen(os.dup(self._file), "rb") as reader:
            reader.seek(0)
            whole = 0
            for line in reader:
                if line.endswith(b"\n"):
                    whole += len(line)
                    yield line.removesuffix(b"\n")
        os.ftruncate(self._file, whole)

    def append(self, line: bytes) -> None:
        """Write one line; it survives the end of this process, however it ends."""
        if self._file is not None:
            _write_all(self._file, line + b"\n")

    def clear(self) -> None:
        """Forget everything written so far."""
        if self._file is not None:
            os.ftruncate(self._file, 0)

    def close(self) -> None:
        """Let another process have the file."""
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def _claim(self, path: Path) -> None:
        assert self._file is not None
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self.close()
            raise StateFileTaken(
                f"{path} is in use by another simulator; stop it or name another --state-file"
            ) from None


def _write_all(file: int, data: bytes) -> None:
    while data:
        data = data[os.write(file, data) :]
