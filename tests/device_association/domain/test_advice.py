"""What a person is advised about a code."""

from __future__ import annotations

from device_association.domain.advice import ADVICE, advice
from device_association.domain.codes import DeviceCode


def test_every_code_has_words_and_an_unknown_one_speaks_for_itself() -> None:
    assert set(DeviceCode) == set(ADVICE)
    assert all(one.title and one.to_do.endswith(".") for one in ADVICE.values())
    assert advice("SOMETHING_NEW").title == "SOMETHING_NEW"
