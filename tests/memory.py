"""Where the tests' databases lie: in memory where there is enough of it, because thousands of files are made and removed."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

MEMORY = Path("/dev/shm")  # Linux mounts its memory there
FREE_BYTES = 6 * 1024**3
"""Least free space of a memory folder for the databases and stacks of all workers."""


def memory_folder() -> Path | None:
    """Return a folder in memory, or None for the usual temporary folder: this system has none, or it is too small."""
    if not os.access(MEMORY, os.W_OK) or shutil.disk_usage(MEMORY).free < FREE_BYTES:
        return None
    return MEMORY
