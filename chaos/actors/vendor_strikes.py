"""What goes wrong at the vendor: it lies, it is out, it refuses; and what people there do with lines meanwhile."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta

from chaos.plan.schedule import Step
from chaos.scene.cast import spelled, vendor_customer
from chaos.scene.site import Site
from local.sample_data import world


class MissedError(Exception):
    """There was nothing to break."""


class VendorStrikes:
    """What can be done to the vendor, and what its people do."""

    def __init__(self, site: Site) -> None:
        self._site, self._stack = site, site.stack
        self.over = threading.Event()
        """Set once no fault lasts any longer."""

    def lie(self, step: Step) -> None:
        """Let the vendor do one thing and say another, or turn calls away."""
        self._site.stack.control_vendor(
            "POST", "faults", {name: one for name, one in step.items() if name not in {"n", "at", "kind"}}
        )

    def take_vendor_out(self, step: Step) -> None:
        """Let the vendor answer nobody for a while."""
        self._site.stack.control_vendor("POST", "outage", {"kind": step["outage"], "seconds": step["seconds"]})

    def let_lists_lag(self, step: Step) -> None:
        """Let lists miss what was just created, for less than the product waits."""
        self._for_a_while(step, "search_lag_seconds", step["lag"])

    def set_clock(self, step: Step) -> None:
        """Let the vendor's clock be wrong for a while."""
        self._for_a_while(step, "clock_off_seconds", step["off"])

    def _for_a_while(self, step: Step, setting: str, value: object, usual: object = 0) -> None:
        self._stack.control_vendor("PATCH", "settings", {setting: value})
        self.over.wait(step["seconds"])
        self._stack.control_vendor("PATCH", "settings", {setting: usual})

    def shift_lists(self, step: Step) -> None:
        """Let lines that nobody asks about leave or join a list between its first page and the next."""
        self._add_fault(step, "list_shifts", "shift", "leaves", "times", "seconds")

    def repeat_pages(self, step: Step) -> None:
        """Let a page of a list be answered with the page before."""
        self._add_fault(step, "page_repeats", "times")

    def lie_with_filters(self, step: Step) -> None:
        """Let the vendor ignore a filter for a while, or answer it with nothing."""
        setting = step["setting"]
        self._for_a_while(step, setting, step["filters"], self._stack.settings.revio_manners.get(setting, []))

    def refuse_account(self, step: Step) -> None:
        """Let the credentials of one account be refused for a while."""
        rule = {"effect": "unauthorized", "method": "*", "path": "/v1/*", "account": step["account"]}
        key = self._stack.control_vendor("POST", "faults", rule)["id"]
        self.over.wait(step["seconds"])
        self._stack.control_vendor("DELETE", f"faults/{key}")

    def make_line(self, step: Step) -> None:
        """Let a person make a line for a SIM, for the customer that a change asks for or for another one.

        Now, or right before the call that makes ours: after every look, so that only a finding can tell of both.
        """
        customer, account = vendor_customer(step["customer"], elsewhere=step["elsewhere"])
        service = {"customer_id": customer, "provider_id": world.PROVIDER, **spelled(step["device"], step["spelling"])}
        if not step["right before"]:
            self._site.ask_people("makes", account, service=service)
            return
        deed = {"does": "makes", "account": account, "service": service}
        about = {"numbers": [world.iccid(step["device"])], "times": 1, "deeds": [deed]}
        self._stack.control_vendor("POST", "faults", {"effect": "person_first", **about})

    def change_line(self, step: Step) -> None:
        """Let a person move, renumber, end or revive the line of a SIM, or put another SIM into it."""
        customer, account = vendor_customer(step["customer"], elsewhere=True)
        line = self._site.active_line(account, world.iccid(step["device"]))
        if line is None:
            raise MissedError(f"device {step['device']} has no line")
        does, _, later = step["does"].partition(" ")
        about: dict[str, dict[str, object]] = {
            "moves": {"customer_id": customer},
            "renumbers": {"number": f"+1 555 9{step['n']:06d}"},
            "swaps_sim": {"number2": world.iccid(820_000 + step["n"])},
            "disconnects": {"on": (datetime.now(UTC) + timedelta(hours=6)).isoformat()} if later else {},
        }
        self._site.ask_people(does, account, line=line, **about.get(does, {}))

    def _add_fault(self, step: Step, effect: str, *names: str) -> None:
        self._stack.control_vendor("POST", "faults", {"effect": effect, **{name: step[name] for name in names}})
