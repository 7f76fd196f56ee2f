"""What the drop-downs of the form offer, from the portal's tables."""

from __future__ import annotations

import pytest
from sqlalchemy import Engine

from device_association.portal.form_options import list_choices
from local.sample_data import world


@pytest.mark.only_reads
def test_each_list_holds_what_is_alive_by_its_name(portal: Engine) -> None:
    choices = list_choices(portal)
    assert set(choices) == {
        "ServiceProviderId",
        "CarrierRatePlan",
        "ServiceTypeId",
        "ProviderId",
        "UsagePlanGroupId",
        "RevPackageId",
        "RevProductIdList",
    }
    assert str(world.JASPER) in choices["ServiceProviderId"]
    assert world.CARRIER_PLAN in choices["CarrierRatePlan"]
    assert world.RETIRED_PLAN not in choices["CarrierRatePlan"]


@pytest.mark.only_reads
def test_an_id_that_two_accounts_know_shows_the_words_of_both(portal: Engine) -> None:
    assert list_choices(portal)["ProviderId"][str(world.PROVIDER)].count(" / ") == 1
