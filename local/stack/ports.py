"""Ports of a stack: which are free, who has a taken one, and where its processes listen."""

from __future__ import annotations

import socket
from collections.abc import Iterable, Mapping

import psutil

from local.stack.processes import wait_until
from local.stack.settings import HOST, variable


class PortTakenError(RuntimeError):
    """Somebody else listens where a part should; says which setting moves the part."""


def require_free_ports(ports: Mapping[str, int]) -> None:
    """Raise `PortTakenError` unless all ports are free; names each setting, port and, where found, the process.

    A killed program's port stays taken until the last of its threads is gone, hence the moment of patience.
    """
    wait_until(lambda: all(_is_free(port) for port in ports.values()), 1.0)
    taken = [_describe(setting, port) for setting, port in ports.items() if not _is_free(port)]
    if taken:
        raise PortTakenError("\n".join(taken))


def free_ports(count: int) -> list[int]:
    """Return that many different ports that nobody listens on now."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for one in sockets:
            one.bind((HOST, 0))
        return [int(one.getsockname()[1]) for one in sockets]
    finally:
        for one in sockets:
            one.close()


def listening(processes: Iterable[psutil.Process]) -> set[tuple[str, int]]:
    """Return every (address, port) that one of these processes listens on."""
    found: set[tuple[str, int]] = set()
    for process in processes:
        try:
            connections = process.net_connections(kind="inet")
        except psutil.NoSuchProcess:
            continue
        found |= {
            (one.laddr.ip, one.laddr.port) for one in connections if one.laddr and one.status == psutil.CONN_LISTEN
        }
    return found


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
        return True


def _describe(setting: str, port: int) -> str:
    return f"port {port} is taken{_by_whom(port)}; set {variable(setting)} to a free port, or end that program"


def _by_whom(port: int) -> str:
    try:
        connections = psutil.net_connections(kind="tcp")
    except psutil.AccessDenied:
        return ""
    for one in connections:
        if one.status == psutil.CONN_LISTEN and one.laddr and one.laddr.port == port and one.pid:
            try:
                return f" by process {one.pid} ({' '.join(psutil.Process(one.pid).cmdline())[:120]})"
            except psutil.Error:
                return f" by process {one.pid}"
    return ""
