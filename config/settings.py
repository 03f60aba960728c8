"""Settings. The only module that reads the environment; `.env.example` says what each name means.

Production is the default: DEBUG is off, and what must be secret has no fallback but a key file under VAR_DIR, which
`make run` writes for a demo.
"""

import re
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import environ
from csp.constants import NONE, SELF
from django.core.exceptions import ImproperlyConfigured

from config.console.look import UNFOLD  # noqa: F401  (read by unfold)
from config.keys import catcher_port, read_key
from config.logs import FORMATTERS
from config.running import settings_of_running_demo

BASE_DIR = Path(__file__).resolve().parent.parent

env = environ.Env()
if (BASE_DIR / ".env").is_file() and env.bool("READ_DOT_ENV", default=True):
    env.read_env(BASE_DIR / ".env")

# Where everything that a run writes goes: database, keys, journal, dry-run log, caught mail.
VAR_DIR = Path(env.str("VAR_DIR", default=str(BASE_DIR / "var"))).resolve()

# A command in a second shell acts in the demo that is running here: same modes, same mail catcher. Last in rank.
for _name, _value in settings_of_running_demo(VAR_DIR, own_database=env.str("DATABASE_URL", default="")).items():
    env.ENVIRON.setdefault(_name, _value)


def _secret(name: str) -> str:
    return env.str(name, default="") or read_key(VAR_DIR, name)


def _path(name: str, *, default: Path) -> Path:
    return Path(env.str(name, default=str(default))).resolve()


# Which installation this is
DEBUG = env.bool("DEBUG", default=False)
DEMO = env.bool("DEMO", default=False)
HOST = env.str("HOST", default="127.0.0.1")
PORT = env.int("PORT", default=8000)
PUBLIC_URL = env.str("PUBLIC_URL", default=f"http://{HOST}:{PORT}").rstrip("/")
_public = urlsplit(PUBLIC_URL)
if _public.scheme not in ("http", "https") or not _public.hostname:
    raise ImproperlyConfigured(f"PUBLIC_URL is “{PUBLIC_URL}”; write it as https://countersign.example.org")
HTTPS = _public.scheme == "https"

SECRET_KEY = _secret("SECRET_KEY")
if not SECRET_KEY:
    raise ImproperlyConfigured("SECRET_KEY is not set. Set it (50 random characters), or start a demo with `make run`.")
SECRET_KEY_FALLBACKS = env.list("SECRET_KEY_FALLBACKS", default=[])
CREDENTIALS_KEY = [key for key in _secret("CREDENTIALS_KEY").split(",") if key]
CRON_SECRET = _secret("CRON_SECRET")

ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=sorted({"localhost", "127.0.0.1", "[::1]", _public.hostname}))
CSRF_TRUSTED_ORIGINS = env.list("CSRF_TRUSTED_ORIGINS", default=[f"{_public.scheme}://{_public.netloc}"])

# What acts, and how far
ENABLE_AUTO_EXECUTION = env.bool("ENABLE_AUTO_EXECUTION", default=False)
AGENT_DRY_RUN = env.bool("AGENT_DRY_RUN", default=True)
EXECUTION_POLL_MINUTES = env.int("EXECUTION_POLL_MINUTES", default=2)
DRY_RUN_LOG = _path("DRY_RUN_LOG", default=VAR_DIR / "dry-run-log.jsonl")
EMAIL_URL = env.str("EMAIL_URL", default="")
# A demo without an SMTP account of its own has one that catches everything.
MAIL_CATCHER_PORT = 0
if DEMO and not EMAIL_URL:
    MAIL_CATCHER_PORT = env.int("MAIL_CATCHER_PORT", default=0) or catcher_port(VAR_DIR)
    EMAIL_URL = f"smtp://127.0.0.1:{MAIL_CATCHER_PORT}"
DEFAULT_FROM_EMAIL = env.str("DEFAULT_FROM_EMAIL", default="outreach@countersign.example")
ALERT_EMAIL = env.str("ALERT_EMAIL", default="")
ALERT_URLS = env.list("ALERT_URLS", default=[])
ALERT_SEVERITY = env.str("ALERT_SEVERITY", default="warning")  # from which on ALERT_EMAIL and ALERT_URLS are used
if ALERT_SEVERITY not in ("info", "warning", "critical"):
    raise ImproperlyConfigured(f"ALERT_SEVERITY is “{ALERT_SEVERITY}”; write info, warning or critical.")
ALERT_REPEAT_MINUTES = env.int("ALERT_REPEAT_MINUTES", default=15)  # the same thing is told of once in so long
ALERT_ALLOW_PRIVATE = env.bool("ALERT_ALLOW_PRIVATE", default=False)
OUTBOUND_ALLOW_PRIVATE = env.bool("OUTBOUND_ALLOW_PRIVATE", default=False)
ANTHROPIC_API_KEY = env.str("ANTHROPIC_API_KEY", default="")
ANTHROPIC_BASE_URL = env.str("ANTHROPIC_BASE_URL", default="")
ANTHROPIC_MODEL = env.str("ANTHROPIC_MODEL", default="")
ANTHROPIC_EFFORT = env.str("ANTHROPIC_EFFORT", default="")  # low, medium, high, xhigh, max; empty: the model's own
LLM_PRICES = env.json("LLM_PRICES", default={})  # changes and adds to campaigns.pricing.PRICES
LLM_TIMEOUT_SECONDS = env.float("LLM_TIMEOUT_SECONDS", default=90.0)
LLM_RETRIES = env.int("LLM_RETRIES", default=1)
LLM_DAILY_BUDGET = env.float("LLM_DAILY_BUDGET", default=20.0)  # dollars a workspace in any 24 hours
# TWILIO_BASE_URL -> {"twilio": ...}: where a provider is called instead of at its vendor's.
PROVIDER_BASE_URLS = {
    name.removesuffix("_BASE_URL").lower(): value
    for name, value in env.ENVIRON.items()
    if re.fullmatch(r"[A-Z0-9_]+_BASE_URL", name) and name != "ANTHROPIC_BASE_URL"
}

# The engine
LEASE_SECONDS = env.float("LEASE_SECONDS", default=15.0)
OTHER_HOST_SECONDS = env.float("OTHER_HOST_SECONDS", default=120.0)  # beyond the lease, to come back (recover.py)
ENGINE_LANES = env.int("ENGINE_LANES", default=4)  # threads, and so connections at most, in one drain
JOURNAL_DIR = _path("JOURNAL_DIR", default=VAR_DIR / "journal")
AUDIT_CHECKPOINT = _path("AUDIT_CHECKPOINT", default=VAR_DIR / "audit-checkpoint.jsonl")
MAIL_CATCHER_DIR = _path("MAIL_CATCHER_DIR", default=VAR_DIR / "mail")

# Processes
CLUSTER_WORKERS = env.int("CLUSTER_WORKERS", default=4)
WEB_THREADS = env.int("WEB_THREADS", default=8)
SHUTDOWN_GRACE_SECONDS = env.int("SHUTDOWN_GRACE_SECONDS", default=30)

INSTALLED_APPS = [
    "unfold.apps.BasicAppConfig",
    "unfold.contrib.filters",
    "unfold.contrib.forms",
    "unfold.contrib.inlines",
    "config.console.apps.ConsoleAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "csp",
    "django_filters",
    "django_q",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "workspaces",
    "contacts",
    "execution",
    "campaigns",
    "config",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "config.csp.PolicyMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "workspaces.middleware.WorkspaceMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]

ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"
APPEND_SLASH = True
AUTH_USER_MODEL = "workspaces.User"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
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
            ],
        },
    },
]

# Database
DATABASE_URL = env.str("DATABASE_URL", default="") or f"sqlite:///{VAR_DIR / 'db.sqlite3'}"


def _database(url: str) -> dict[str, Any]:
    parsed: dict[str, Any] = dict(environ.Env.db_url_config(url))
    options = parsed.setdefault("OPTIONS", {})
    if parsed["ENGINE"].endswith("sqlite3"):
        Path(parsed["NAME"]).parent.mkdir(parents=True, exist_ok=True)
        options["timeout"] = 20
        # A write transaction that starts as a read cannot be upgraded under WAL: it would fail, not wait.
        options["transaction_mode"] = "IMMEDIATE"
        # FULL: with NORMAL, WAL forgets the last commits when the power fails. A forgotten `dispatching` mark would
        # be a second send.
        options["init_command"] = "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;"
        return parsed
    # A socket's folder comes percent-encoded in the place of the host.
    parsed["HOST"] = unquote(parsed["HOST"])
    options.setdefault("connect_timeout", 5)
    # For `workspaces.prepared` alone; Django's own cursors prepare nothing.
    options.setdefault("prepare_threshold", 2)
    # Kept connections, not psycopg's pool: its threads do not survive the fork that starts a queue worker.
    parsed["CONN_MAX_AGE"] = 60
    parsed["CONN_HEALTH_CHECKS"] = True
    return parsed


DATABASES = {"default": _database(DATABASE_URL)}

# Queue. The queue is a bell: what is due stands in our own rows, so a lost or doubled task costs nothing.
REDIS_URL = env.str("REDIS_URL", default="")
Q_CLUSTER: dict[str, Any] = {
    "name": "countersign",
    "label": "Queue",
    "workers": CLUSTER_WORKERS,
    # Work waits in the database, where every cluster sees it, not in one process's memory: `retry` runs from the
    # moment it is taken out.
    "queue_limit": CLUSTER_WORKERS,
    "bulk": 1,
    "poll": 0.2,
    "timeout": 600,
    "retry": 660,
    "max_attempts": 1,
    "ack_failures": True,
    "catch_up": False,
    # No row for what went well (0 would keep every one): each would cost a commit. Failures are always kept.
    "save_limit": -1,
    **({"redis": REDIS_URL} if REDIS_URL else {"orm": "default"}),
}

CACHES: dict[str, Any] = {
    "default": {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": REDIS_URL}
    if REDIS_URL
    else {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}
}

# API
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "workspaces.api.auth.BearerAuthentication",
        "workspaces.api.auth.ConsoleSessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["workspaces.api.parsing.StrictJSONParser"],
    "DEFAULT_PAGINATION_CLASS": "workspaces.api.pagination.CursorPage",
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "workspaces.api.problems.problem_handler",
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Countersign",
    "DESCRIPTION": "Agents draft outreach, people countersign it, the cluster carries it out.",
    "VERSION": "1",
    "OAS_VERSION": "3.1.0",
    "SERVE_INCLUDE_SCHEMA": False,
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "COMPONENT_SPLIT_REQUEST": True,
    # Choices stand where they are used: named components for them would need a table of names kept by hand.
    "POSTPROCESSING_HOOKS": [],
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "REDOC_DIST": "SIDECAR",
}
# A plan of 10,000 requests, or 10,000 digests ticked in one form.
DATA_UPLOAD_MAX_MEMORY_SIZE = 32 * 1024 * 1024
DATA_UPLOAD_MAX_NUMBER_FIELDS = 25_000

# Security
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "frame-src": [SELF],
        "form-action": [SELF],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
    }
}
X_FRAME_OPTIONS = "DENY"
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CONTENT_TYPE_NOSNIFF = True
SESSION_COOKIE_AGE = 12 * 3600
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = HTTPS
SECURE_SSL_REDIRECT = HTTPS
SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$", r"^metrics$"]
SECURE_HSTS_SECONDS = 365 * 24 * 3600 if HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = HTTPS
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in ("UserAttributeSimilarityValidator", "MinimumLengthValidator", "CommonPasswordValidator")
]

# Mail leaves through provider accounts alone; Django's own mail functions reach nobody.
EMAIL_BACKEND = "django.core.mail.backends.dummy.EmailBackend"

# Time and language
LANGUAGE_CODE = "en"
USE_I18N = True
USE_TZ = True
TIME_ZONE = "UTC"

# Static files: served where they lie, so that a start needs no collecting (which takes half a minute).
STATIC_URL = "/static/"
STATIC_ROOT = VAR_DIR / "static"
STATIC_ROOT.mkdir(parents=True, exist_ok=True)
STATICFILES_DIRS = [folder for folder in [BASE_DIR / "static"] if folder.is_dir()]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
WHITENOISE_USE_FINDERS = True
WHITENOISE_AUTOREFRESH = DEBUG
MEDIA_ROOT = VAR_DIR / "media"

LOG_LEVEL = env.str("LOG_LEVEL", default="INFO").upper()
LOG_FORMAT = env.str("LOG_FORMAT", default="line")
if LOG_FORMAT not in FORMATTERS:
    raise ImproperlyConfigured(f"LOG_FORMAT is “{LOG_FORMAT}”; there are: {', '.join(FORMATTERS)}.")
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {name: {"()": formatter} for name, formatter in FORMATTERS.items()},
    "filters": {"database_away": {"()": "config.database_away.DatabaseAway"}},
    "handlers": {
        "stderr": {"class": "logging.StreamHandler", "formatter": LOG_FORMAT, "filters": ["database_away"]},
    },
    "root": {"handlers": ["stderr"], "level": LOG_LEVEL},
    "loggers": {
        "django": {"handlers": [], "propagate": True},
        "django.server": {"handlers": [], "propagate": True},
        # Says each task twice at INFO; what a task did is logged by the task.
        "django-q": {"level": "WARNING"},
    },
}
