"""Texts that others write, made fit for the columns of both databases."""

from __future__ import annotations

import re

UNSTORABLE = re.compile("[\0\ud800-\udfff]")
"""NUL and halves of surrogate pairs: no database keeps them."""


def storable(text: str, most: int | None = None, *, instead: str = "") -> str:
    """Return a text without what no database keeps, cut to the `most` characters that a column holds.

    A column of SQL Server counts a character beyond the first plane as two; the cut never splits one.
    """
    kept = UNSTORABLE.sub(instead, text)
    if most is None or len(kept.encode("utf-16-le")) <= 2 * most:
        return kept
    return kept.encode("utf-16-le")[: 2 * most].decode("utf-16-le", "ignore")
