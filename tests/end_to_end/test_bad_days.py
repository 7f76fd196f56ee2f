"""What a person sees when something around a change is broken, on the real stack: an error that names what and where."""

from __future__ import annotations

import pytest
import requests
from sqlalchemy import MetaData, Table, make_url, update

from device_association.database.execution import make_engine
from device_association.domain.errors import ConfigurationError
from local.sample_data import groups, world
from tests.end_to_end.running import Running

pytestmark = [pytest.mark.end_to_end, pytest.mark.slow]
PLAIN = groups().plain


def test_a_database_restarted_in_mid_run_delays_a_change_and_loses_nothing(running: Running) -> None:
    running.control("PATCH", "settings", {"latency_ms": 1500})
    change = running.ask(PLAIN[200:204])
    running.wait(lambda: running.status(change) == "PROCESSING")
    running.stack.restart("postgres")
    running.control("PATCH", "settings", {"latency_ms": 0})
    running.wait(lambda: _ends(running, change))
    assert running.status(change) == "PROCESSED"
    assert {running.lines()[iccid] for iccid in PLAIN[200:204]} == {1}


def _ends(running: Running, change: int) -> bool:
    """Whether the change has ended; starts what died, as a supervisor does: the restart may end Airflow's scheduler."""
    if running.stack.dead_parts():
        running.stack.up()
    return running.status(change) not in {"NEW", "PROCESSING"}


def test_a_rev_io_that_is_down_is_asked_again_until_it_is_back(running: Running) -> None:
    change = running.create(PLAIN[210:212])
    with running.without("revio-simulator"):
        running.send()
        run_id = f"bulk_change__{change.change_id}__0"
        running.wait(lambda: "could not be reached" in running.logs(run_id))
    assert running.ended(change.change_id) == "PROCESSED"
    assert {running.lines()[iccid] for iccid in PLAIN[210:212]} == {1}


def test_a_missing_connection_is_named_and_nothing_is_asked_of_rev_io(running: Running) -> None:
    table = Table("integration_authentication", MetaData(), schema="dbo", autoload_with=running.portal)
    with running.portal.begin() as connection:
        connection.execute(update(table).where(table.c.id == world.ACCOUNT).values(connectionid="revio_nowhere"))
    try:
        change = running.ask(PLAIN[220:222])
        assert running.ended(change) == "ERROR"
    finally:
        with running.portal.begin() as connection:
            connection.execute(update(table).where(table.c.id == world.ACCOUNT).values(connectionid="revio_northwind"))
    assert "no connection 'revio_nowhere'" in running.log(f"bulk_change__{change}__0", "plan_rev_services")
    assert running.run(f"bulk_change__{change}__0") == "failed"
    assert set(running.codes(change).values()) == {"STEP_FAILED"}
    assert not {iccid for iccid in PLAIN[220:222] if iccid in running.lines()}


def test_a_wrong_password_of_the_portal_database_is_named_and_not_shown(running: Running) -> None:
    wrong = make_engine(make_url(running.stack.portal_url).set(password="s3cret-word"))
    with pytest.raises(
        ConfigurationError, match=r"refuses connection 'portal_db'.*password authentication failed"
    ) as said:
        wrong.connect()
    assert "s3cret-word" not in str(said.value)


def test_credentials_that_rev_io_refuses_stop_the_change_and_bill_nobody(running: Running) -> None:
    running.control("POST", "faults", {"effect": "unauthorized"})
    change = running.ask(PLAIN[250:254])
    assert running.ended(change) == "ERROR"
    assert running.run(f"bulk_change__{change}__0") == "failed"
    assert set(running.codes(change).values()) == {"REV_UNAUTHORIZED"}
    assert not {iccid for iccid in PLAIN[250:254] if iccid in running.lines()}


def test_the_form_offers_carriers_by_name(running: Running) -> None:
    details = "/api/v2/dags/associate_customer/details"

    def offered() -> dict[str, str]:
        schema = running.api().get(details)["params"]["ServiceProviderId"]["schema"]
        return dict(schema.get("values_display") or {})

    running.wait(lambda: offered().get(str(world.JASPER)) == f"Jasper ({world.JASPER})")


def test_a_report_is_for_people_who_are_signed_in_and_nothing_else_is_served(running: Running) -> None:
    change = running.ask(PLAIN[230:231], CreateRevService=False)
    assert running.ended(change) == "PROCESSED"
    reports = f"{running.stack.airflow_url}/device-association/data-docs/{change}/0"
    token = {"Authorization": running.api().authorization}
    assert requests.get(f"{reports}/index.html", timeout=10).status_code == 401
    assert requests.get(f"{reports}/index.html", headers=token, timeout=10).status_code == 200
    for path in ("..%2f..%2fsecrets.json", "missing.html", "%2fetc%2fpasswd"):
        assert requests.get(f"{reports}/{path}", headers=token, timeout=10).status_code == 404


def test_one_slice_that_dies_for_good_is_red_and_every_other_device_is_associated(running: Running) -> None:
    running.control("POST", "faults", {"effect": "throttle_header", "numbers": [PLAIN[240]], "seconds": 1})
    change = running.ask(PLAIN[240:243])
    run_id = f"bulk_change__{change}__0"
    running.wait(lambda: len(running.table("line_intent", bulkchangeid=change, state="CREATED")) == 2)
    running.wait(lambda: running.tasks(run_id)["create_rev_service0"] == "up_for_retry")
    running.fail(run_id, "create_rev_service", 0)
    assert running.ended(change) == "PARTIALLY_PROCESSED"
    assert running.run(run_id) == "failed"
    assert running.codes(change) == {PLAIN[240]: "STEP_FAILED", PLAIN[241]: "PROCESSED", PLAIN[242]: "PROCESSED"}
