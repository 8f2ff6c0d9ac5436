"""How the portal reaches its database and its broker, and how long it waits for them: never for ever."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import environ

from portal import env

ROLE = os.environ.get("COTERIE_ROLE", "")
"""What this process is: `web` answers people, `worker` does long work, and commands are run by hand."""

STATEMENT_SECONDS = {"web": 15, "worker": 600}
"""The longest that one statement may take; without a limit for commands, which build indexes too."""
LOCK_SECONDS = {"web": 5}
SILENCE_SECONDS = 5
"""How much longer than its longest statement a server that says nothing is waited for."""


def database(data_dir: Path, role: str = ROLE) -> dict[str, Any]:
    """Django's settings for the PostgreSQL server that DATABASE_URL names, or for SQLite in the data directory."""
    default = f"sqlite:///{data_dir / 'coterie.sqlite3'}"
    url = env.url("DATABASE_URL", default, schemes={"sqlite", "postgres", "postgresql"})
    config: dict[str, Any] = environ.Env.db_url_config(url)
    options = config.setdefault("OPTIONS", {})
    if config["ENGINE"].endswith("sqlite3"):
        options |= {
            "transaction_mode": "IMMEDIATE",
            "timeout": 20,
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA cache_size=-65536;",
        }
        return config
    config |= {"ENGINE": "portal.postgres", "CONN_MAX_AGE": 60, "CONN_HEALTH_CHECKS": True}
    statement = STATEMENT_SECONDS.get(role, 0)
    said = {
        # A worker that freezes inside a transaction must not hold its locks for ever.
        "idle_in_transaction_session_timeout": 60_000,
        "lock_timeout": LOCK_SECONDS.get(role, 15) * 1000,
        "statement_timeout": statement * 1000,
        # Statements for a page or a portion of rows would take ten times as long to compile as they run.
        "jit": "off",
    }
    options.setdefault("options", " ".join(f"-c {name}={value}" for name, value in said.items()))
    # A server that vanished without a word is noticed in half a minute.
    found_out = {"keepalives_idle": 10, "keepalives_interval": 5, "keepalives_count": 3, "tcp_user_timeout": 15_000}
    for name, value in {"connect_timeout": 3, **found_out}.items():
        options.setdefault(name, value)
    if statement:
        options["silence_timeout"] = statement + SILENCE_SECONDS
    return config


def with_lock_timeout(options: dict[str, Any], seconds: int) -> dict[str, Any]:
    """The options of a PostgreSQL database, with so many seconds at most to wait for a lock."""
    return {**options, "options": f"{options['options']} -c lock_timeout={seconds * 1000}"}


def broker(url: str, data_dir: Path, role: str = ROLE) -> dict[str, Any]:
    """Kombu's transport options for the broker at `url`."""
    if url.startswith("filesystem"):
        directory = data_dir / "broker"
        for part in ("messages", "control"):
            (directory / part).mkdir(parents=True, exist_ok=True)
        # With the default polling interval of a second, and one message a poll, the filesystem transport is unusable.
        return {
            "data_folder_in": str(directory / "messages"),
            "data_folder_out": str(directory / "messages"),
            "control_folder": str(directory / "control"),
            "polling_interval": 0.1,
        }
    return {
        # A person who clicks waits for the bell to be rung; a worker listens for it.
        "socket_connect_timeout": 1 if role == "web" else 2,
        "socket_timeout": 1 if role == "web" else 15,
        "socket_keepalive": True,
        "visibility_timeout": 3600,
        # Connecting is tried once; workers come back by CELERY_BROKER_CONNECTION_RETRY.
        "max_retries": 0,
        "interval_start": 0,
    }
