"""Breaks things, each in its time, and starts again what died, as a supervisor does; in the end it heals everything."""

from __future__ import annotations

import json
import random
import signal
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

import psutil
import requests
from botocore.exceptions import BotoCoreError, ClientError

from chaos.generator import Generator, forms_of_a_message
from chaos.history import History
from chaos.schedule import Step
from chaos.site import Site
from local import processes
from local.celery_workers import NAMES as WORKERS

AIRFLOW = ("api-server", "scheduler", "dag-processor", "triggerer")
LOOKS_EVERY = 1.0
HEALS_WITHIN = 420.0
"""Seconds that all parts may take until they answer again, on a machine that others use too."""
NOBODYS_CHANGE = 10**9


class MissedError(Exception):
    """There was nothing to break."""


class Nemesis:
    """The faults of a schedule, and who mends them."""

    def __init__(self, site: Site, generator: Generator, history: History) -> None:
        self._site, self._stack, self._generator, self._history = site, site.stack, generator, history
        self._hands = ThreadPoolExecutor(12, thread_name_prefix="nemesis")
        self._under_way: list[Future[None]] = []
        self._frozen: list[psutil.Process] = []
        self._over = threading.Event()
        self._paused = threading.Lock()
        self._keeper = threading.Thread(target=self._keep_alive, name="keeper", daemon=True)
        self._keeper.start()

    def begin(self, step: Step) -> None:
        """Begin a fault; the others go on beside it."""
        self._under_way.append(self._hands.submit(self._strike, step))

    def heal(self) -> None:
        """End every fault, and wait until every part runs and answers."""
        for one in self._under_way:
            one.result()
        self.thaw()
        processes.wait_until(self._calm_vendor, 60)
        if not processes.wait_until(self._is_whole, HEALS_WITHIN):
            raise TimeoutError(f"after all faults these parts do not run: {self._stack.dead_parts()}")

    def thaw(self) -> None:
        """Let everybody go on who was frozen."""
        while self._frozen:
            processes.send(self._frozen.pop(), signal.SIGCONT)

    def stop(self) -> None:
        """Leave the dead where they are from now on."""
        self._over.set()
        self._keeper.join(60)
        self._hands.shutdown(cancel_futures=True)
        self.thaw()

    def _strike(self, step: Step) -> None:
        strike = FAULTS.get(step["kind"], Nemesis.kill_part)
        try:
            drawn = {name: one for name, one in step.items() if name not in {"at", "kind"}}
            self._history.note("fault", step["kind"], planned=step["at"], **drawn)
            strike(self, step)
        except (
            MissedError,
            LookupError,
            psutil.Error,
            requests.RequestException,
            BotoCoreError,
            ClientError,
        ) as problem:
            self._history.note("missed", step["kind"], n=step["n"], said=f"{type(problem).__name__}: {problem}"[:200])
        else:
            self._history.note("struck", step["kind"], n=step["n"])

    def _keep_alive(self) -> None:
        queue_is_there = True
        while not self._over.wait(LOOKS_EVERY):
            revived = self._revive()
            if revived:
                self._history.note("revived", "parts", names=revived)
            if "sqs" in revived:
                self._history.note("queue forgot", "parts")
                queue_is_there = False
            if not queue_is_there:
                queue_is_there = self._site.prepare_queue()

    def _revive(self) -> list[str]:
        """Start what died; what cannot be started yet, as where a killed database's children still end, is tried again."""
        try:
            with self._paused:
                return self._stack.revive()
        except (RuntimeError, OSError, psutil.Error) as problem:
            self._history.note("not revived", "parts", said=f"{type(problem).__name__}: {problem}"[:300])
            return []

    def _calm_vendor(self) -> bool:
        try:
            self._site.control("DELETE", "faults")
            self._site.control("DELETE", "outage")
            self._site.control("PATCH", "settings", {"search_lag_seconds": 0, "clock_off_seconds": 0})
        except requests.RequestException:
            return False
        return True

    def _is_whole(self) -> bool:
        ready = {one.name for one in self._stack.status() if one.state == "running"}
        known = {one.name for one in self._stack.status()}
        return ready == known and self._calm_vendor() and self._site.prepare_queue() and self._airflow_beats()

    def _airflow_beats(self) -> bool:
        try:
            answer = requests.get(f"{self._stack.airflow_url}/api/v2/monitor/health", timeout=10).json()
        except (requests.RequestException, ValueError):
            return False
        return all(answer[one]["status"] == "healthy" for one in ("scheduler", "triggerer", "dag_processor"))

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
        with self._paused:
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
        self._over.wait(step["seconds"])
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
        self._site.control(
            "POST", "faults", {name: one for name, one in step.items() if name not in {"n", "at", "kind"}}
        )

    def take_vendor_out(self, step: Step) -> None:
        """Let the vendor answer nobody for a while."""
        self._site.control("POST", "outage", {"kind": step["outage"], "seconds": step["seconds"]})

    def let_lists_lag(self, step: Step) -> None:
        """Let lists miss what was just created, for less than the product waits."""
        self._for_a_while(step, "search_lag_seconds", step["lag"])

    def set_clock(self, step: Step) -> None:
        """Let the vendor's clock be wrong for a while."""
        self._for_a_while(step, "clock_off_seconds", step["off"])

    def _for_a_while(self, step: Step, setting: str, value: float) -> None:
        self._site.control("PATCH", "settings", {setting: value})
        self._over.wait(step["seconds"])
        self._site.control("PATCH", "settings", {setting: 0})

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


FAULTS: dict[str, Callable[[Nemesis, Step], None]] = {
    "kill scheduler": Nemesis.kill_scheduler,
    "kill api-server": Nemesis.kill_api_server,
    "kill tasks": Nemesis.kill_tasks,
    "kill everything": Nemesis.kill_everything,
    "restart postgres": Nemesis.restart_database,
    "receiver fails": Nemesis.fail_receiver,
    "queue hangs": Nemesis.freeze,
    "queue forgets": Nemesis.forget_messages,
    "messages twice": Nemesis.send_twice,
    "messages held back": Nemesis.hold_back,
    "messages unreadable": Nemesis.send_unreadable,
    "messages stale": Nemesis.send_stale,
    "vendor lies": Nemesis.lie,
    "vendor is out": Nemesis.take_vendor_out,
    "vendor turns away": Nemesis.lie,
    "vendor lags": Nemesis.let_lists_lag,
    "vendor's clock is off": Nemesis.set_clock,
    "slow disk": Nemesis.freeze,
    "frozen scheduler": Nemesis.freeze,
    "frozen tasks": Nemesis.freeze,
}
"""How each kind of fault is done; `kill x` of another part kills its first process."""
