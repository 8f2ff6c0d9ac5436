"""gunicorn for Coterie: a few processes with threads, as the work is waiting for the database."""

import os
from pathlib import Path

bind = f"0.0.0.0:{os.environ.get('PORT', '8000')}"
workers = int(os.environ.get("WEB_CONCURRENCY", "2"))
worker_class = "gthread"
threads = 8
timeout = 60
graceful_timeout = 8
keepalive = 5
# The heartbeat file belongs in memory: on a slow disk a busy worker would be taken for a dead one.
worker_tmp_dir = "/dev/shm" if Path("/dev/shm").is_dir() else None
control_socket_disable = True
accesslog = "-"
errorlog = "-"
# The path without its query, in which people search for each other; and in the form of all other logs.
access_log_format = "%(h)s %(m)s %(U)s %(s)s %(B)s bytes %(M)s ms"
_lines = {"handlers": ["stderr"], "level": "INFO", "propagate": False}
logconfig_dict = {
    "formatters": {"line": {"()": "portal.logs.formatter"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["stderr"], "level": "INFO"},
    "loggers": {"gunicorn.error": _lines, "gunicorn.access": _lines},
}
