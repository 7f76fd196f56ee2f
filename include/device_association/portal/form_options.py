"""What the drop-downs of the trigger form offer: carriers, carrier plans, and what Rev.io sells.

Customers, customer rate plans and pools are a tenant's own and not offered: the form is the same for everybody.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Engine

from device_association.database.execution import rows

Choices = dict[str, dict[str, str]]
"""For each field of the request that has a list: the values, and the words a person knows each by."""
MAX_CHOICES = 500
"""A field with more of them stays a free one: a list that long helps nobody and slows the form."""


@dataclass(frozen=True, slots=True)
class Choice:
    """A value that a field of the request may have, and the words a person knows it by."""

    field: str
    choice: str
    label: str


def list_choices(engine: Engine) -> Choices:
    """Return what the form offers now; a value that several accounts know shows the words of each."""
    with engine.connect() as connection:
        found = rows(connection, Choice, "portal/list_choices")
    choices: Choices = {}
    for one in found:
        field = choices.setdefault(one.field, {})
        known = field.get(one.choice)
        field[one.choice] = f"{known} / {one.label}" if known else one.label
    return {field: offered for field, offered in choices.items() if len(offered) <= MAX_CHOICES}
