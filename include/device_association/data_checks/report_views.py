"""The pages of the data checks' report, their templates compiled once a machine.

Great Expectations compiles some fifty templates for each page in each process, which takes longer than checking the rows;
each task is a process of its own. Named in the site's configuration, see `gate`.
"""

from __future__ import annotations

from typing import Any

from great_expectations.render.view import DefaultJinjaIndexPageView, DefaultJinjaPageView
from jinja2 import FileSystemBytecodeCache


class PageView(DefaultJinjaPageView):  # type: ignore[misc]
    """The page of a result or of the suite."""

    def __init__(self, **folders: Any) -> None:  # Great Expectations has no types
        super().__init__(**folders)
        self.env.bytecode_cache = FileSystemBytecodeCache()


class IndexView(PageView, DefaultJinjaIndexPageView):  # type: ignore[misc]
    """The page that lists the others."""
