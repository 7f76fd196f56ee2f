"""What a request asks, sound or odd."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from hypothesis import strategies as st

from local.sample_data.world import iccid
from tests.worlds.values import AMOUNTS, TEXTS, Row, Tables, dates, mostly


@st.composite
def requests(draw: st.DrawFn, tables: Tables) -> Row:
    customers = tables["dbo.RevCustomer"]
    guids = [str(one["id"]) for one in customers]
    sound = draw(mostly(True, False))

    def odd(usual: Any, *others: Any) -> Any:
        return usual if sound else draw(mostly(usual, *others))

    request: Row = {
        "ServiceProviderId": odd(1, 2, 3),
        "Devices": draw(_asked(tables)),
        "RevCustomerId": odd(guids[0], *guids, *(one["RevCustomerId"] for one in customers), "11 ", "X1"),
    }
    if draw(st.booleans()):
        request |= {
            "CreateRevService": True,
            "ServiceTypeId": odd(7, None, 8),
            "ProviderId": odd(21, 22),
            "UsagePlanGroupId": draw(st.sampled_from([None, 51])) if sound else 52,
        }
        products = draw(st.sampled_from([[], [], [41], [42, 41]])) + odd([], [43])
        rates = draw(st.permutations([Decimal("4.5"), Decimal("1E+3"), Decimal("0.0001")]))
        request["RevProductIdList"] = products
        request["RateList"] = rates[: odd(len(products), 0)]
        request["RevPackageId"] = odd(None, 31)
        request["Prorate"] = draw(st.booleans())
    if draw(mostly(False, True, True)):
        request |= {
            "AddCustomerRatePlan": True,
            "CustomerRatePlan": odd("1", None, "2", "99"),
            "CustomerRatePool": odd(None, "1"),
            "CustomerDataAllocationMB": draw(AMOUNTS),
        }
    if draw(mostly(False, True)):
        request |= {
            "AddCarrierRatePlan": True,
            "CarrierRatePlan": odd(draw(st.sampled_from(["JAS-10", "Žižka 5 %"])), "jas-10", "JAS-10 ", "JAS-OLD"),
            "CommPlan": draw(st.one_of(st.none(), TEXTS)),
        }
    return request | {
        "Description": odd(draw(TEXTS), "ž" * 1000, "😀" * 501),
        "Reason": draw(st.one_of(st.none(), TEXTS)),
        "EffectiveDate": odd(draw(dates()), "1752-01-01"),
        "ActivatedDate": odd(draw(dates()), "9999-12-31T23:59:59-12:00"),
    }


def _asked(tables: Tables) -> st.SearchStrategy[list[str]]:
    known = [device["ICCID"] for device in tables["dbo.Device"]]
    odd = [
        iccid(77),
        "8901-NOT-AN-ICCID",
        "8901 % :x",
        "",
        f"  {known[0]}\t",
        "ABCDEFGHIJKLMNOPQRST",
        "abcdefghijklmnopqrst",
    ]
    sound = st.lists(st.sampled_from(known), min_size=1, max_size=12)
    return st.one_of(
        sound, st.tuples(sound, st.lists(st.sampled_from(odd), max_size=4)).map(lambda two: [*two[0], *two[1]])
    )
