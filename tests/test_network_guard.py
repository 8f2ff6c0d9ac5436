"""The tests' own promise: none of them reaches another machine."""

from __future__ import annotations

import socket

import pytest
import requests

from tests.network_guard import NetworkUseError


@pytest.mark.parametrize("host", ["198.51.100.7", "2001:db8::1", "shop.example"])
def test_another_machine_is_out_of_reach(host: str) -> None:
    with pytest.raises(NetworkUseError):
        socket.create_connection((host, 80), timeout=1)


def test_a_library_cannot_go_around() -> None:
    with pytest.raises(NetworkUseError):
        requests.get("https://shop.example/", timeout=1)


def test_a_datagram_stays_here_too() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagrams, pytest.raises(NetworkUseError):
        datagrams.sendto(b"hello", ("198.51.100.7", 53))


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
def test_this_machine_is_within_reach(host: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        socket.create_connection((host, server.getsockname()[1]), timeout=1).close()
