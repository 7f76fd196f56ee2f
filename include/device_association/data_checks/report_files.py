"""Where the report of a change's data checks is; without the library that writes it, which takes seconds to import."""

from __future__ import annotations

from pathlib import Path


def report_page(docs_folder: Path) -> str:
    """Return the page of the report that shows the result, relative to its folder; empty when nothing was checked."""
    pages = sorted(docs_folder.glob("validations/**/*.html"))
    return pages[-1].relative_to(docs_folder).as_posix() if pages else ""
