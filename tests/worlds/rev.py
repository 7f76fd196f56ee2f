"""What Rev.io knows and how it answers."""

from __future__ import annotations

from hypothesis import strategies as st

from device_association.domain.errors import RevioError, RevioOutcomeUnknown, RevioRejected, RevioUnauthorized
from device_association.revio.lines import Line
from local.sample_data.world import iccid
from tests.worlds.values import MOMENTS, TEXTS, Tables, mostly


@st.composite
def revs_line(draw: st.DrawFn, tables: Tables) -> Line:
    device = draw(st.sampled_from(tables["dbo.Device"]))
    return Line(
        draw(st.integers(600, 620)),
        draw(mostly(11, 12)),
        draw(st.sampled_from([device["MSISDN"], device["ICCID"]])),
        draw(mostly(device["ICCID"], None, iccid(98))),
        draw(st.one_of(st.none(), MOMENTS)),
        draw(st.one_of(st.none(), st.none(), MOMENTS)),
    )


def answers() -> st.SearchStrategy[RevioError]:
    said = TEXTS.map(lambda text: f"POST /v1/Services was answered: {text}")
    return st.one_of(
        said.map(lambda text: RevioRejected(text, status=400)),
        said.map(lambda text: RevioOutcomeUnknown(text, status=500)),
        said.map(lambda text: RevioUnauthorized(text, status=401)),
    )
