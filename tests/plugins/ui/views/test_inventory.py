"""The screens of the inventory: what is shown of a device."""

from __future__ import annotations

from local.sample_data import groups
from tests.flow import Flow
from tests.page import look
from tests.portal_client import Portal

PLAIN = groups().plain
CHANGES, DEVICES = "/ui/changes", "/ui/devices"


def test_a_device_shows_its_customer_line_and_history(screens: Portal, flow: Flow, ended: int) -> None:
    page = look(screens, f"{DEVICES}/{PLAIN[0]}")
    (line,) = [one["revserviceid"] for one in flow.all("dbo", "revservice", number2=PLAIN[0])]
    for words in ("Acme Fleet", str(line), "Customer number", "dora.ops", "ticket 4711", "24 Nov 2026, 06:00 CST"):
        assert words in page.said
    assert f"Line – {line} dora.ops" in page.said, "Rev.io's number, as above"
    assert f"{CHANGES}/{ended}" in page.addresses
