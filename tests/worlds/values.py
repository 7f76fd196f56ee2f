"""What the parts of a random world are drawn from."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import NAMESPACE_DNS, UUID, uuid5

from hypothesis import strategies as st

from tests.flow import NOW

Row = dict[str, Any]
Tables = dict[str, list[Row]]
PARENT, CHILD, STRANGER = 1, 2, 3
"""Tenants; the child's parent is the first."""
OTHER_PROGRAMS, EARLIER, PORTALS = 1, 2, 3
"""Bulk changes that are there already: another program's, one of ours in work, one that the portal wrote itself."""
ODD = "aŽ€😀'\"\\%:\n ;{}[]_-&<>?,1"
TEXTS = st.one_of(
    st.sampled_from(
        [
            "",
            " ",
            "Acme",
            "acme ",
            "O'Brien & Sons",
            "100 % :x %s %(a)s",
            "Žižka 😀",
            "C:\\fleet\\\nnorth",
            '"Number":null',
        ]
    ),
    st.text(st.sampled_from(ODD), max_size=12),
)
NAMES = TEXTS.map(lambda text: text or "Acme")
MOMENTS = st.builds(
    lambda days, milliseconds: NOW + timedelta(days=days, milliseconds=milliseconds),
    st.sampled_from([-4000, -900, -30, -1, 0, 1, 30, 900]),
    st.sampled_from([0, 0, 1, -1, 7_207_999, 43_200_000]),
)
AMOUNTS = st.sampled_from([None, "0", "1.5", "0.0001", "1024", "1E+3", "999999999999999999999.9999", "25.50"]).map(
    lambda text: text if text is None else Decimal(text)
)


def mostly(usual: Any, *others: Any) -> st.SearchStrategy[Any]:
    """Give the usual value in about two of three cases, else one of the others."""
    return st.sampled_from([usual] * (2 * len(others) + 2) + list(others))


def customer_id(place: int) -> UUID:
    return uuid5(NAMESPACE_DNS, f"{place}.customers.worlds.example.com")


def dates() -> st.SearchStrategy[str | None]:
    texts = MOMENTS.map(lambda moment: moment.isoformat())
    return st.one_of(
        st.none(),
        st.none(),
        texts,
        texts.map(lambda text: text.removesuffix("+00:00")),
        st.sampled_from(["2026-11-24", "2026-03-29T02:30:00", "2027-01-01T00:00:00.123456+05:30", "1753-01-02"]),
    )
