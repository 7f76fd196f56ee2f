"""The screen with the form that associates devices."""

from __future__ import annotations

import pytest

from local.sample_data import world
from tests.page import look
from tests.portal_client import Portal

ASSOCIATE = "/ui/associate"


@pytest.mark.only_reads
def test_the_form_names_the_tenant_s_zone_and_offers_the_service_providers(screens: Portal) -> None:
    page = look(screens, ASSOCIATE)
    assert "Time in America/Chicago, the zone of Northwind Telematics" in page.said
    assert {str(world.JASPER), str(world.VERIZON)} <= {one["value"] for one in page.all("option")}
    assert [one["data-most"] for one in page.all("form") if "data-most" in one] == ["1000"]
