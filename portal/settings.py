"""Settings of a Coterie installation, read from the environment; deploy/example.env explains each variable."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

import environ
from csp.constants import NONE, SELF
from django.core.exceptions import ImproperlyConfigured

from portal import connections, env
from portal.settings_ingest import *  # noqa: F403
from portal.settings_metrics import *  # noqa: F403
from portal.settings_outside import *  # noqa: F403
from portal.settings_people import *  # noqa: F403

BASE_DIR = Path(__file__).resolve().parent.parent
VERSION = "0.1.0"

DEBUG = env.boolean("COTERIE_DEBUG", False)
DEMO = env.boolean("COTERIE_DEMO", False)
DATA_DIR = Path(env.text("COTERIE_DATA_DIR", str(BASE_DIR / ".data"))).resolve()
DATA_DIR.mkdir(parents=True, exist_ok=True)

SECRET_KEY = env.text("COTERIE_SECRET_KEY", "insecure-key-for-development-only" if DEBUG else None)
PUBLIC_URL = env.url("COTERIE_PUBLIC_URL", "http://127.0.0.1:8000", schemes={"http", "https"}).rstrip("/")
SECURE = PUBLIC_URL.startswith("https://")
ALLOWED_HOSTS = env.words("COTERIE_ALLOWED_HOSTS") or [urlsplit(PUBLIC_URL).hostname or "127.0.0.1", "localhost"]
CSRF_TRUSTED_ORIGINS = [PUBLIC_URL]

INSTALLED_APPS = [
    "segments",
    "customers",
    "portal",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "django.forms",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "csp",
    "django_filters",
    "django_htmx",
    "django_tables2",
    "import_export",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "portal.middleware.CookielessMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "portal.middleware.FaultsMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "portal.sessions.SessionLimitsMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "portal.middleware.PrivatePagesMiddleware",
]

ROOT_URLCONF = "portal.urls"
WSGI_APPLICATION = "portal.wsgi.application"
FORM_RENDERER = "django.forms.renderers.TemplatesSetting"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "portal.navigation.shell",
            ],
        },
    },
]

# --- Data -----------------------------------------------------------------------------------------------------------


DATABASES = {"default": connections.database(DATA_DIR)}
# PostgreSQL's roles belong to the whole server, so a database's own name is in that of its role; see portal/wall.py.
DATABASE_STORE_ROLE = env.text("COTERIE_DATABASE_ROLE", f"{Path(str(DATABASES['default']['NAME'])).stem}_store")[:63]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.db.DatabaseCache",
        "LOCATION": "portal_cache",
        # With the default of 300, strangers who fill the cache would push the marks of used codes and limits out of it.
        "OPTIONS": {"MAX_ENTRIES": 20_000},
    }
}

STORAGES = {
    "default": {
        "BACKEND": "portal.storage.WholeFiles",
        "OPTIONS": {
            "location": str(DATA_DIR / "files"),
            "file_permissions_mode": 0o600,
            "directory_permissions_mode": 0o700,
        },
    },
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if DEBUG
        else "whitenoise.storage.CompressedManifestStaticFilesStorage",
    },
}
STATIC_URL = "static/"
STATIC_ROOT = Path(env.text("COTERIE_STATIC_DIR", str(DATA_DIR / "static")))
STATICFILES_DIRS = [BASE_DIR / "static"]
WHITENOISE_USE_FINDERS = DEBUG
WHITENOISE_ALLOW_ALL_ORIGINS = False

DATA_UPLOAD_MAX_MEMORY_SIZE = 5 * 1024 * 1024
FILE_UPLOAD_MAX_MEMORY_SIZE = 1024 * 1024
FILE_UPLOAD_HANDLERS = [
    "django.core.files.uploadhandler.MemoryFileUploadHandler",
    "portal.incoming.IncomingFileHandler",
]
# On the disk where files are stored: what has come in is moved there, not copied.
FILE_UPLOAD_TEMP_DIR = DATA_DIR / "incoming"
FILE_UPLOAD_TEMP_DIR.mkdir(mode=0o700, exist_ok=True)

# --- Language and time ----------------------------------------------------------------------------------------------

LANGUAGE_CODE = "en"
USE_I18N = True
USE_TZ = True
TIME_ZONE = "UTC"
USE_THOUSAND_SEPARATOR = True

# --- People ---------------------------------------------------------------------------------------------------------

EMAIL_CONFIG = environ.Env.email_url_config(
    env.url(
        "EMAIL_URL",
        "filemail://",
        schemes={"smtp", "smtps", "smtp+tls", "smtp+ssl", "consolemail", "filemail", "memorymail"},
    )
)
vars().update(EMAIL_CONFIG)
EMAIL_FILE_PATH = str(DATA_DIR / "mail")
EMAIL_TIMEOUT = 15
DEFAULT_FROM_EMAIL = env.text("COTERIE_FROM_EMAIL", "Coterie <coterie@localhost>")

# --- Security -------------------------------------------------------------------------------------------------------

if not DEBUG and not DEMO and len(SECRET_KEY) < 50:
    raise ImproperlyConfigured("COTERIE_SECRET_KEY must have at least 50 characters.")
SESSION_COOKIE_NAME = "__Host-coterie" if SECURE else "coterie"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE
CSRF_COOKIE_NAME = "__Host-csrf" if SECURE else "csrf"
# Scripts take the token from the page.
CSRF_COOKIE_HTTPONLY = True
MESSAGE_STORAGE = "portal.flash.Storage"
CSRF_FAILURE_VIEW = "portal.errors.csrf_failure"
SECURE_SSL_REDIRECT = SECURE
SECURE_REDIRECT_EXEMPT = [r"^healthz$"]
SECURE_HSTS_SECONDS = 365 * 24 * 3600 if SECURE else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = SECURE
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
ERASURE_KEYS = env.words("COTERIE_ERASURE_KEY")
# How many proxies of ours a request comes through; X-Forwarded-* headers are believed from them alone.
PROXY_COUNT = 0
if env.boolean("COTERIE_BEHIND_PROXY", False):
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    PROXY_COUNT = env.integer("COTERIE_PROXY_COUNT", 1, least=1, most=9)

CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "font-src": [SELF],
        "connect-src": [SELF],
        "img-src": [SELF, "data:"],
        "form-action": [SELF],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
    }
}

# --- Background work ------------------------------------------------------------------------------------------------

QUEUES = ("interactive", "bulk", "outside", "deliveries", "activity")
CELERY_BROKER_URL = env.url(
    "CELERY_BROKER_URL", "filesystem://localhost", schemes={"filesystem", "redis", "rediss", "amqp", "amqps", "memory"}
)
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
# A broker without room answers with errors; a worker that ended over that could not stand in for it.
CELERY_BROKER_CHANNEL_ERROR_RETRY = True
CELERY_BROKER_CONNECTION_MAX_RETRIES = None
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = False
# A click must not wait for a broker that is away: the row is written, and the sweeper rings again.
CELERY_TASK_PUBLISH_RETRY = False
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_TASK_DEFAULT_QUEUE = "interactive"
CELERY_BEAT_SCHEDULE_FILENAME = str(DATA_DIR / "beat-schedule")
CELERY_BEAT_SCHEDULE = {
    "sweep": {"task": "portal.tasks.sweep", "schedule": 10.0, "options": {"queue": "interactive", "expires": 30}},
    "forget-files": {
        "task": "portal.tasks.forget_files",
        "schedule": 3600.0,
        "options": {"queue": "bulk", "expires": 3600},
    },
    "sync-due": {
        "task": "segments.tasks.sync_due",
        "schedule": 15.0,
        "options": {"queue": "interactive", "expires": 60},
    },
    **OUTSIDE_SCHEDULE,  # noqa: F405
    "forget": {
        "task": "portal.tasks.forget",
        "schedule": 3600.0,
        "options": {"queue": "bulk", "expires": 3600},
    },
    **INGEST_SCHEDULE,  # noqa: F405
    **METRICS_SCHEDULE,  # noqa: F405
    "count-products": {
        "task": "customers.tasks.count_products",
        "schedule": 300.0,
        "options": {"queue": "bulk", "expires": 300},
    },
    "closed": {"task": "portal.tasks.erase_closed", "schedule": 15.0, "options": {"queue": "bulk", "expires": 15}},
    "keep-watch": {"task": "portal.tasks.keep_watch", "schedule": 60.0, "options": {"queue": "bulk", "expires": 60}},
    **{
        f"heartbeat-{queue}": {
            "task": "portal.tasks.heartbeat",
            "schedule": 15.0,
            "args": (queue,),
            "options": {"queue": queue, "expires": 60},
        }
        for queue in QUEUES
    },
}
CELERY_TIMEZONE = "UTC"
CELERY_BROKER_TRANSPORT_OPTIONS = connections.broker(CELERY_BROKER_URL, DATA_DIR)
if CELERY_BROKER_URL.startswith("filesystem"):
    CELERY_WORKER_PREFETCH_MULTIPLIER = 4
else:
    CELERY_BROKER_CONNECTION_TIMEOUT = 2
if CELERY_BROKER_URL.startswith("amqp"):
    CELERY_TASK_DEFAULT_QUEUE_TYPE = "quorum"
    CELERY_TASK_DEFAULT_EXCHANGE_TYPE = "topic"
    CELERY_BROKER_NATIVE_DELAYED_DELIVERY_QUEUE_TYPE = "quorum"

JOB_LEASE_SECONDS = env.integer("COTERIE_JOB_LEASE_SECONDS", 30, least=2, most=600)
JOB_MAX_ATTEMPTS = 3
# A step that takes longer is taken for one that never ends: its lease is renewed no more.
JOB_STEP_SECONDS_MOST = 600
STANDIN_SECONDS = env.integer("COTERIE_STANDIN_SECONDS", 60, least=2, most=3600)
"""After so long a silence of its queues a worker looks for work by itself; see portal/standin.py."""
# Who waits for SQLite's one lock asks again every tenth of a second, and would never find it free between two steps.
JOB_BREATH_SECONDS = 0.15 if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3" else 0

# --- Tables, logs ---------------------------------------------------------------------------------------------------

DJANGO_TABLES2_TEMPLATE = "tables/table.html"
IMPORT_EXPORT_EXPORT_PERMISSION_CODE = "view"
# Whatever names people lies where erasing finds it.
IMPORT_EXPORT_TMP_STORAGE_CLASS = "import_export.tmp_storages.MediaStorage"
IMPORT_EXPORT_SKIP_ADMIN_LOG = True
PAGE_SIZE = 50

LOG_LEVEL = env.choice("COTERIE_LOG_LEVEL", "INFO", {"DEBUG", "INFO", "WARNING", "ERROR"})
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"()": "portal.logs.formatter"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["stderr"], "level": LOG_LEVEL},
    "loggers": {
        "django.server": {"handlers": ["stderr"], "propagate": False},
        # Below this it writes down whole addresses, with their queries.
        "urllib3": {"level": "ERROR"},
    },
}
SILENCED_SYSTEM_CHECKS: list[str] = []
