"""`python -m local`: the local stack from the command line."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

import typer
from pydantic import ValidationError
from rich.console import Console
from rich.table import Table

from local.stack.ports import PortTakenError
from local.stack.settings import REPOSITORY, LocalSettings
from local.stack.stack import Stack
from local.stack.supervision import NotReadyError, PartDiedError

app = typer.Typer(no_args_is_help=True, add_completion=False, help="The local stack: every part on 127.0.0.1.")
console = Console(highlight=False)


@app.command()
def up() -> None:
    """Start the stack in the background; what runs already is left alone."""
    with _told():
        stack, since = _stack(), time.monotonic()
        console.print(f"Starting the local stack; logs in {stack.settings.logs_dir}", soft_wrap=True)
        stack.up(_report)
        console.print(f"Everything runs ({time.monotonic() - since:.0f} s).\n")
        _show_where(stack)


@app.command()
def down() -> None:
    """Stop the stack; its data stays."""
    with _told():
        _stack().down(_report)
        console.print("The local stack is stopped.")


@app.command()
def status() -> None:
    """Show every part; exits 1 unless all of them run."""
    with _told():
        stack = _stack()
        table = Table("part", "state", "pid", "port")
        colours = {"running": "green", "dead": "red", "stopped": "dim"}
        for part in stack.status():
            state = f"[{colours[part.state]}]{part.state}[/]"
            table.add_row(part.name, state, str(part.pid or ""), str(part.port or ""))
        console.print(table)
        console.print(f"Logs: {stack.settings.logs_dir}/<part>.log", soft_wrap=True)
        if any(part.state != "running" for part in stack.status()):
            raise typer.Exit(1)


@app.command()
def health() -> None:
    """Say in ten lines whether all is well; exits 1 unless it is."""
    from device_association.monitoring.health import report

    with _told():
        code, lines = report(_stack().portal_url)
        console.print("\n".join(lines), markup=False, soft_wrap=True)
        raise typer.Exit(code)


@app.command()
def restart(part: Annotated[str, typer.Argument(help="A part's name, as `status` shows it.")]) -> None:
    """Stop one part and start it again."""
    with _told():
        _stack().restart(part)
        _report(part, "ready")


@app.command()
def wipe() -> None:
    """Stop the stack and delete its databases, logs and secrets."""
    with _told():
        stack = _stack()
        stack.wipe()
        console.print(f"{stack.settings.state_dir} is gone.")


@app.command()
def demo() -> None:
    """Start the stack, run the main job on the sample data, and show what happened to each device."""
    from local.demo import run_demo

    with _told():
        raise typer.Exit(run_demo())


def _stack() -> Stack:
    return Stack(LocalSettings())


def _report(part: str, said: str) -> None:
    console.print(f"  {part:<22} {said}", soft_wrap=True)


def _show_where(stack: Stack) -> None:
    for name, url in stack.urls.items():
        console.print(f"  {name:<22} {url}", soft_wrap=True)
    console.print("\nSign in to Airflow as")
    for user, password in stack.passwords.items():
        console.print(f"  {user:<22} {password}")


@contextmanager
def _told() -> Iterator[None]:
    """Turn what a person can put right into a message without a trace."""
    try:
        yield
    except ValidationError as error:
        for problem in error.errors():
            console.print(f"[red]{'.'.join(map(str, problem['loc']))}: {problem['msg']}[/]")
        raise typer.Exit(2) from None
    except (PortTakenError, PartDiedError, NotReadyError, LookupError) as error:
        console.print(str(error), style="red", markup=False, soft_wrap=True)
        raise typer.Exit(1) from None


if __name__ == "__main__":
    # This way of starting has no PYTHONPATH: the product's code joins here.
    sys.path[1:1] = [str(REPOSITORY / "include")]
    app()
