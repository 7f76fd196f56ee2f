"""Ports of a stack: free, taken by somebody, listened on."""

from __future__ import annotations

import os
import socket

import psutil
import pytest

from local.stack.ports import PortTakenError, free_ports, listening, require_free_ports


@pytest.mark.enable_socket
def test_a_taken_port_is_an_error_that_names_setting_port_and_process() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]

        with pytest.raises(PortTakenError) as refused:
            require_free_ports({"sqs_port": port})

    assert str(port) in str(refused.value)
    assert "DEVICE_ASSOCIATION_LOCAL_SQS_PORT" in str(refused.value)
    assert f"process {os.getpid()} " in str(refused.value)


@pytest.mark.enable_socket
def test_a_program_that_listens_on_every_address_takes_the_port_too() -> None:
    with socket.socket() as taken:
        taken.bind(("0.0.0.0", 0))
        taken.listen()

        with pytest.raises(PortTakenError):
            require_free_ports({"airflow_port": taken.getsockname()[1]})


@pytest.mark.enable_socket
def test_free_ports_are_all_different_and_pass_the_check() -> None:
    ports = free_ports(20)

    assert len(set(ports)) == 20
    require_free_ports({f"port_{number}": port for number, port in enumerate(ports)})


@pytest.mark.enable_socket
def test_listening_shows_address_and_port_of_exactly_the_given_processes() -> None:
    with socket.socket() as mine:
        mine.bind(("127.0.0.1", 0))
        mine.listen()

        assert ("127.0.0.1", mine.getsockname()[1]) in listening([psutil.Process()])
        assert listening([]) == set()
