"""The faults one by one: what is killed, frozen, deleted or sent again; the vendor's are in `vendor_strikes`."""

from __future__ import annotations

import json
import random
import signal
import threading
import time
from collections.abc import Callable
from typing import Any

import psutil
import requests
from sqlalchemy import func, select

from chaos.actors.generator import Generator, forms_of_a_message
from chaos.actors.vendor_strikes import MissedError, VendorStrikes
from chaos.plan.schedule import Step
from chaos.records.history import History
from chaos.scene.site import Site, reflected
from local.stack import processes
from local.stack.airflow.celery_workers import NAMES as WORKERS

NOBODYS_CHANGE = 10**9
TAKES_WITHIN = 20.0
"""How long the old worker looks for a change that nobody has begun."""
BRACKETS = "[" * 20_000
"""A body that is no JSON and exhausts the stack of whoever reads it."""


class Strikes(VendorStrikes):
    """What can be done to a stack; whoever is frozen is known until thawed."""

    def __init__(self, site: Site, generator: Generator, history: History) -> None:
        super().__init__(site)
        self._generator, self._history = generator, history
        self._frozen: list[psutil.Process] = []
        self.hands_off = threading.Lock()
        """Held while nobody may start what is dead."""

    def strike(self, step: Step) -> None:
        """Do the fault of a step and return when it is over; raises MissedError where there is nothing to break."""
        FAULTS.get(step["kind"], Strikes.kill_part)(self, step)

    def thaw(self) -> None:
        """Let everybody go on who was frozen."""
        while self._frozen:
            processes.send(self._frozen.pop(), signal.SIGCONT)

    def kill_part(self, step: Step) -> None:
        """Kill the first process of the part that the fault's kind names."""
        self._stack.kill(step["kind"].partition(" ")[2])

    def kill_scheduler(self, step: Step) -> None:
        """Kill the scheduler alone, its task processes go on for a moment; or with all of them."""
        self._stack.kill("scheduler", family=step["family"])

    def kill_api_server(self, step: Step) -> None:
        """Kill the api-server, with or without its worker process."""
        self._stack.kill("api-server", family=step["family"])

    def kill_tasks(self, step: Step) -> None:
        """Kill a worker of Celery; else one task process of the scheduler, or all of them."""
        names = {one.name for one in self._stack.status()}
        if WORKERS[0] in names:
            self._stack.kill(WORKERS[int(step["pick"] * len(WORKERS))], family=True)
            return
        tasks = self._task_processes()
        chosen = tasks if step["all"] else [tasks[int(step["pick"] * len(tasks))]] if tasks else []
        if not chosen:
            raise MissedError("no task runs")
        for one in chosen:
            processes.send(one, signal.SIGKILL)

    def kill_everything(self, _step: Step) -> None:
        """Kill every process of the stack at once; the keeper starts them all again."""
        with self.hands_off:
            self._stack.kill_all()

    def restart_database(self, _step: Step) -> None:
        """Stop the database as its operator does; the keeper of this stack starts it again."""
        self._stack.kill("postgres", signal.SIGINT)

    def freeze(self, step: Step) -> None:
        """Stop a part for a while, in the middle of whatever it does, and let it go on."""
        found: dict[str, Callable[[], list[psutil.Process]]] = {
            "slow disk": lambda: self._of("postgres"),
            "queue hangs": lambda: self._of("sqs"),
            "frozen scheduler": lambda: self._of("scheduler")[:1],
            "frozen tasks": self._task_processes,
        }
        victims = found[step["kind"]]()
        if not victims:
            raise MissedError("nobody is there")
        self._frozen += victims
        for one in victims:
            processes.send(one, signal.SIGSTOP)
        self.over.wait(step["seconds"])
        for one in victims:
            processes.send(one, signal.SIGCONT)

    def fail_receiver(self, step: Step) -> None:
        """Let the 2.0 system refuse the next notifications."""
        url = self._stack.settings.notification_url
        requests.post(f"{url}/_control/fail?times={step['times']}", timeout=10).raise_for_status()

    def send_twice(self, step: Step) -> None:
        """Send messages of a change again."""
        self._send(step, lambda change: (change, self._retry_of(change)))

    def send_stale(self, step: Step) -> None:
        """Send the first message of a change again, whatever retry it is at."""
        self._send(step, lambda change: (change, 0))

    def send_unreadable(self, step: Step) -> None:
        """Send what nobody can work on; it must become a dead letter and delay nobody."""
        bodies: dict[str, Callable[[], str]] = {
            "garbage": lambda: "{",
            "brackets": lambda: BRACKETS,
            "nobody's": lambda: json.dumps({"BulkChangeId": NOBODYS_CHANGE + step["n"], "RetryNumber": 0}),
            "future": lambda: json.dumps({"BulkChangeId": self._pick(step), "RetryNumber": 70}),
        }
        message = self._site.send_message(bodies[step["body"]](), {})
        self._history.note("sent", "message", n=step["n"], message=message, workable=False)

    def poison_dead_letters(self, step: Step) -> None:
        """Put what nobody can read among the dead letters; it must delay nobody and stay there."""
        message = self._site.send_message({"garbage": "{", "brackets": BRACKETS}[step["body"]], {}, is_dead=True)
        self._history.note("sent", "message", n=step["n"], message=message, workable=False)

    def delete_change(self, step: Step) -> None:
        """Delete a change softly while it may be under way, as a person at the portal's database does."""
        change = self._pick(step)
        changes = reflected(self._site.engine, "dbo.DeviceBulkChange")
        is_open = (changes.c.id == change) & changes.c.status.in_(["NEW", "PROCESSING"])
        with self._site.engine.begin() as connection:
            deleted = connection.execute(changes.update().where(is_open).values(isdeleted=1)).rowcount
        if not deleted:
            raise MissedError(f"change {change} has ended")
        self._history.note("deleted", "change", n=step["n"], change=change)

    def work_beside(self, step: Step) -> None:
        """Take a change that nobody has begun, as the old worker does, and end it a while later; it makes no line."""
        changes = reflected(self._site.engine, "dbo.DeviceBulkChange")
        devices = reflected(self._site.engine, "dbo.M2M_DeviceChange")
        give_up = time.monotonic() + TAKES_WITHIN
        while (change := self._take(changes)) is None:
            if time.monotonic() > give_up or self.over.wait(0.1):
                raise MissedError("no change is new")
        self._history.note("taken", "change", n=step["n"], change=change)
        self.over.wait(step["seconds"])
        ended = {"status": "ERROR", "statusdetails": "the old worker failed", "isprocessed": 1, "haserrors": 1}
        with self._site.engine.begin() as connection:
            connection.execute(devices.update().where(devices.c.bulkchangeid == change).values(**ended))
            over = {"status": "ERROR", "processeddate": func.now()}
            connection.execute(changes.update().where(changes.c.id == change).values(**over))

    def _take(self, changes: Any) -> int | None:
        with self._site.engine.begin() as connection:
            is_new = (changes.c.status == "NEW") & (changes.c.changerequesttypeid == 4) & (changes.c.isdeleted == 0)
            newest: int | None = connection.scalar(select(func.max(changes.c.id)).where(is_new))
            take = changes.update().where(is_new & (changes.c.id == newest)).values(status="PROCESSING")
            return newest if connection.execute(take).rowcount else None

    def forget_messages(self, _step: Step) -> None:
        """Kill the queue, which keeps nothing here: what was in it is lost, and only the portal's table knows of it."""
        self._stack.kill("sqs")

    def hold_back(self, step: Step) -> None:
        """Receive what is in the queue and do nothing with it: it comes again later, behind what was sent since."""
        queue = self._site.queue()
        try:
            got = queue.receive_message(
                QueueUrl=self._stack.queue_url, MaxNumberOfMessages=10, VisibilityTimeout=step["seconds"]
            ).get("Messages", [])
        finally:
            queue.close()
        self._history.note("held back", "message", n=step["n"], messages=[one["MessageId"] for one in got])

    def _send(self, step: Step, message: Callable[[int], tuple[int, int]]) -> None:
        chance = random.Random(f"{step['n']} {step['pick']}")
        change, retry = message(self._pick(step))
        for _ in range(step["copies"]):
            sent = self._site.send_message(*forms_of_a_message(change, retry, chance))
            self._history.note("sent", "message", n=step["n"], message=sent, workable=True, change=change, retry=retry)

    def _retry_of(self, change: int) -> int:
        status, answer = self._site.portal.send("GET", f"/M2M/BulkChanges/{change}")
        return int(answer.get("RetryNumber") or 0) if status == 200 else 0

    def _pick(self, step: Step) -> int:
        change = self._generator.pick(step["pick"] ** 2)  # rather one of the newest
        if change is None:
            raise MissedError("there is no change yet")
        return change

    def _of(self, name: str) -> list[psutil.Process]:
        """Return the processes of a part, its first one in front; PostgreSQL's own are in sessions of their own."""
        pid = next((one.pid for one in self._stack.status() if one.name == name), None)
        if pid is None:
            raise MissedError(f"{name} does not run")
        first = psutil.Process(pid)
        return [first, *first.children(recursive=True)]

    def _task_processes(self) -> list[psutil.Process]:
        """Return what runs tasks: the children of the scheduler's workers, or all of the first Celery worker's."""
        names = {one.name for one in self._stack.status()}
        if WORKERS[0] in names:
            return self._of(WORKERS[0])
        workers = self._of("scheduler")[0].children()
        return [child for worker in workers for child in worker.children(recursive=True)]


FAULTS: dict[str, Callable[[Strikes, Step], None]] = {
    "kill scheduler": Strikes.kill_scheduler,
    "kill api-server": Strikes.kill_api_server,
    "kill tasks": Strikes.kill_tasks,
    "kill everything": Strikes.kill_everything,
    "restart postgres": Strikes.restart_database,
    "receiver fails": Strikes.fail_receiver,
    "queue hangs": Strikes.freeze,
    "queue forgets": Strikes.forget_messages,
    "messages twice": Strikes.send_twice,
    "messages held back": Strikes.hold_back,
    "messages unreadable": Strikes.send_unreadable,
    "messages stale": Strikes.send_stale,
    "vendor lies": Strikes.lie,
    "vendor is out": Strikes.take_vendor_out,
    "vendor turns away": Strikes.lie,
    "vendor lags": Strikes.let_lists_lag,
    "vendor's clock is off": Strikes.set_clock,
    "person makes": Strikes.make_line,
    "person changes": Strikes.change_line,
    "lists shift": Strikes.shift_lists,
    "pages repeat": Strikes.repeat_pages,
    "filters lie": Strikes.lie_with_filters,
    "account refused": Strikes.refuse_account,
    "change deleted": Strikes.delete_change,
    "dead letters poisoned": Strikes.poison_dead_letters,
    "old worker": Strikes.work_beside,
    "slow disk": Strikes.freeze,
    "frozen scheduler": Strikes.freeze,
    "frozen tasks": Strikes.freeze,
}
"""How each kind of fault is done; `kill x` of another part kills its first process."""
