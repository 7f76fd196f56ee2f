"""Numbers that name the same SIM, in every spelling; and numbers that only look alike."""

from __future__ import annotations

import random

import pytest

from device_association.domain.sim_numbers import iccid_digits, iccid_keys, luhn_digit, msisdn_key, rounded_keys

ICCID = "8914800000000000012"


@pytest.mark.parametrize(
    "spelled",
    [ICCID, f" {ICCID} ", "8914-8000-0000-0000-012", "8914 8000 0000 0000 012", f"{ICCID}F", f"{ICCID}f", f"{ICCID}\t"],
)
def test_each_spelling_of_an_iccid_names_the_same_sim(spelled: str) -> None:
    assert iccid_digits(spelled) == ICCID


def test_nineteen_digits_equal_the_twenty_that_add_the_luhn_digit_and_no_other_twenty() -> None:
    twenty = ICCID + luhn_digit(ICCID)
    assert iccid_keys(ICCID) == iccid_keys(twenty) == {ICCID, twenty}
    others = [f"{ICCID}{digit}" for digit in "0123456789" if ICCID + digit != twenty]
    assert all(iccid_keys(other) == {other} for other in others)


def test_the_check_digit_is_luhns() -> None:
    assert luhn_digit("7992739871") == "3"
    assert luhn_digit("411111111111111") == "1"


@pytest.mark.parametrize(
    "text", [None, "", " ", "F", "89148O0000000000012", "by hand", f"{ICCID}FF", "８９１４８０００００"]
)
def test_what_is_not_an_iccid_names_no_sim(text: str | None) -> None:
    assert iccid_digits(text) is None
    assert iccid_keys(text) == frozenset()


@pytest.mark.parametrize(
    "spelled", ["5550100123", "15550100123", "+1 555 010-0123", "(555) 010-0123", "1-555-010-0123"]
)
def test_each_spelling_of_a_number_is_the_same_number(spelled: str) -> None:
    assert msisdn_key(spelled) == "5550100123"


@pytest.mark.parametrize(
    ("text", "key"),
    [("445550100123", "445550100123"), ("25550100123", "25550100123"), ("", None), (None, None), ("x", None)],
)
def test_only_the_country_code_one_of_eleven_digits_is_dropped(text: str | None, key: str | None) -> None:
    assert msisdn_key(text) == key


@pytest.mark.parametrize("length", range(18, 23))
def test_each_iccid_begins_as_the_float_that_it_was_rounded_to(length: int) -> None:
    chance = random.Random(length)
    for _ in range(500):
        iccid = "89" + "".join(chance.choices("0123456789" * 3 + "09" * 20, k=length - 2))
        keys = rounded_keys(float(iccid))
        assert f"{length}-{iccid[:16]}" in keys
        assert len(keys) <= 3


@pytest.mark.parametrize("number", [float("inf"), float("nan")])
def test_a_number_that_is_not_finite_is_no_iccid(number: float) -> None:
    assert rounded_keys(number) == frozenset()
