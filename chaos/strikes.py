"""The faults one by one: what is killed, frozen, sent again, or told to lie."""

from __future__ import annotations

import json
import random
import signal
import threading
from collections.abc import Callable

import psutil
import requests

from chaos.generator import Generator, forms_of_a_message
from chaos.history import History
from chaos.schedule import Step
from chaos.site import Site
from local import processes
from local.celery_workers import NAMES as WORKERS

NOBODYS_CHANGE = 10**9


class MissedError(Exception):
    """There was nothing to break."""


class Strikes:
    """What can be done to a stack; whoever is frozen is known until thawed."""

    def __init__(self, site: Site, generator: Generator, history: History) -> None:
        self._site, self._stack, self._generator, self._history = site, site.stack, generator, history
        self._frozen: list[psutil.Process] = []
        self.over = threading.Event()
        """Set once no fault lasts any longer."""
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

    def kill_everything(self, step: Step) -> None:
        """Kill every process of the stack at once; the keeper starts them all again."""
        with self.hands_off:
            self._stack.kill_all()

    def restart_database(self, step: Step) -> None:
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
            "nobody's": lambda: json.dumps({"BulkChangeId": NOBODYS_CHANGE + step["n"], "RetryNumber": 0}),
            "future": lambda: json.dumps({"BulkChangeId": self._pick(step), "RetryNumber": 70}),
        }
        message = self._site.send_message(bodies[step["body"]](), {})
        self._history.note("sent", "message", n=step["n"], message=message, workable=False)

    def forget_messages(self, step: Step) -> None:
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

    def _for_a_while(self, step: Step, setting: str, value: float) -> None:
        self._site.stack.control_vendor("PATCH", "settings", {setting: value})
        self.over.wait(step["seconds"])
        self._site.stack.control_vendor("PATCH", "settings", {setting: 0})

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
    "slow disk": Strikes.freeze,
    "frozen scheduler": Strikes.freeze,
    "frozen tasks": Strikes.freeze,
}
"""How each kind of fault is done; `kill x` of another part kills its first process."""
