"""`python -m tests.processes`, which is `make soak`."""

from __future__ import annotations

import os
import sys

import django

if __name__ == "__main__":
    # The model calls things as the code does; it is only for that, the database is the installation's own.
    os.environ["DJANGO_SETTINGS_MODULE"] = "tests.settings"
    django.setup()
    from tests.processes import soak

    sys.exit(soak.main())
