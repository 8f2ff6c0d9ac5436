"""The portal's settings for tests: a data directory of their own, quick passwords, nothing sent anywhere."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from pathlib import Path

# Every pytest process works in a directory of its own, so that neither the demo nor another process is touched.
_directory = Path(tempfile.mkdtemp(prefix="coterie-tests-"))
atexit.register(shutil.rmtree, _directory, ignore_errors=True)
os.environ["COTERIE_DATA_DIR"] = str(_directory)
os.environ["COTERIE_SECRET_KEY"] = "a key that only the tests use, and that opens nothing at all"
os.environ["COTERIE_PUBLIC_URL"] = "http://testserver"
os.environ["COTERIE_ADMIN_REQUIRES_2FA"] = "0"  # the tests that ask for it say so
for _name in (
    "COTERIE_DEBUG",
    "COTERIE_DEMO",
    "COTERIE_ALLOWED_HOSTS",
    "COTERIE_BEHIND_PROXY",
    "COTERIE_PROXY_COUNT",
    "COTERIE_ENCRYPTION_KEYS",
    "COTERIE_OUTBOUND_ALLOW",
    "COTERIE_OUTBOUND_HOLD",
    "KLAVIYO_API_URL",
    "RECHARGE_API_URL",
    "SHOPIFY_API_URL",
    "EMAIL_URL",
):
    os.environ.pop(_name, None)
os.environ["CELERY_BROKER_URL"] = "memory://"

from portal.settings import *  # noqa: E402, F403
from portal.settings import DATABASES, STORAGES  # noqa: E402

ALLOWED_HOSTS = ["testserver", "127.0.0.1", "localhost"]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}
STORAGES = {**STORAGES, "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}}
WHITENOISE_USE_FINDERS = True
WHITENOISE_AUTOREFRESH = True
CELERY_TASK_ALWAYS_EAGER = False
# One for the databases of all tests: PostgreSQL would keep theirs when they are gone.
DATABASE_STORE_ROLE = "coterie_tests_store"

if str(DATABASES["default"]["ENGINE"]).endswith("sqlite3"):
    # A file, not memory: locks, WAL and a second connection then behave as they do for merchants.
    DATABASES["default"]["TEST"] = {"NAME": str(_directory / "test.sqlite3")}
