"""What the demo decides before anything runs: the port, the key, and that it runs once."""

from __future__ import annotations

import socket
import stat
from pathlib import Path

import pytest

from portal.demo import DemoRefused, answers, chosen_port, kept_secret, lock, refuse_port_in_use, set_environment


@pytest.mark.parametrize(("given", "port"), [({}, 8000), ({"PORT": ""}, 8000), ({"PORT": " 8001 "}, 8001)])
def test_the_port(given: dict[str, str], port: int) -> None:
    assert chosen_port(given) == port


@pytest.mark.parametrize("given", ["0", "65536", "-1", "80.5", "http", "８０００"])
def test_a_port_that_is_none_is_refused_by_name(given: str) -> None:
    with pytest.raises(DemoRefused, match="PORT="):
        chosen_port({"PORT": given})


def test_a_port_in_use_is_refused() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, pytest.raises(DemoRefused, match="in use"):
        refuse_port_in_use(server.getsockname()[1])


def test_the_secret_key_is_made_once_and_for_its_owner_alone(tmp_path: Path) -> None:
    key = kept_secret(tmp_path)
    assert len(key) >= 50
    assert kept_secret(tmp_path) == key
    assert stat.S_IMODE((tmp_path / "secret_key").stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["secret_key"]


def test_a_key_that_was_given_is_left_alone(tmp_path: Path) -> None:
    environ = {"COTERIE_DATA_DIR": str(tmp_path), "COTERIE_SECRET_KEY": "mine", "PORT": "8123"}
    set_environment(environ)
    assert environ["COTERIE_SECRET_KEY"] == "mine"
    assert environ["COTERIE_PUBLIC_URL"] == "http://127.0.0.1:8123"
    assert environ["COTERIE_DEMO"] == "1"
    assert not (tmp_path / "secret_key").exists()


def test_the_same_data_is_served_once(tmp_path: Path) -> None:
    with lock(tmp_path) as held:
        held.write("http://127.0.0.1:8000, process 7")
        held.flush()
        with pytest.raises(DemoRefused, match="process 7"):
            lock(tmp_path)
    lock(tmp_path).close()


def test_silence_is_no_answer() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    assert not answers(port)
