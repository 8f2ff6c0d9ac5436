#!/usr/bin/env python
"""Coterie's command line."""

import os
import secrets
import sys


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")
    if sys.argv[1:2] == ["demo"]:
        # The demo keeps a secret key of its own, and the settings cannot be read without one.
        from portal.demo import set_environment

        set_environment()
    if sys.argv[1:2] in (["klaviyo_sandbox"], ["shopify_sandbox"], ["recharge_sandbox"]):
        # The stand-ins keep nothing and sign nothing, and so need no key of a portal.
        os.environ.setdefault("COTERIE_SECRET_KEY", secrets.token_urlsafe(48))
    from django.core.exceptions import ImproperlyConfigured
    from django.core.management import execute_from_command_line

    try:
        execute_from_command_line(sys.argv)
    except ImproperlyConfigured as error:
        if "--traceback" in sys.argv:
            raise
        sys.exit(f"\n{error}\n")


if __name__ == "__main__":
    main()
