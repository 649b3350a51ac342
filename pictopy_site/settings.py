"""Settings of the project. Everything a household may change comes through `env`; README lists it."""

from __future__ import annotations

import errno
import os
import secrets
import socket
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from csp.constants import NONE, SELF

from pictopy_site.env import Environment, InvalidSetting

BASE_DIR = Path(__file__).resolve().parent.parent
env = Environment(os.environ)


@dataclass(frozen=True, slots=True)
class PictopySettings:
    """What PictoPy itself is told by its environment."""

    data_dir: Path
    roots: list[Path]
    models_dir: Path
    model_mirror: str | None
    model_pack: str
    objects_model: str
    face_detector: str
    face_embedder: str
    workers: int
    threads_per_worker: int
    host: str
    port: int
    batch_size: int
    lease_s: int
    settle_s: float

    @property
    def thumbnails_dir(self) -> Path:
        return self.data_dir / "thumbnails"

    @property
    def allowed_roots_file(self) -> Path:
        """Folders that the operator named on the command line (`up --photos`); each line is one more allowed root."""
        return self.data_dir / "allowed-roots.txt"


def _secret_key(data_dir: Path) -> str:
    """The signing key: from the environment, or made once and kept in the data directory, readable by us alone."""
    given = env.text("PICTOPY_SECRET_KEY")
    if given:
        return given
    file = data_dir / "secret-key"
    try:
        data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        return _own_key(file)
    except OSError as error:
        raise InvalidSetting(
            f"PICTOPY_DATA is {data_dir}, where {file.name} cannot be kept: {error.strerror}."
        ) from error


def _own_key(file: Path) -> str:
    """The key in `file`, made if there is none. It gets its name when it is whole, and from one process only."""
    if not file.exists():
        temporary = file.with_name(f"{file.name}.{secrets.token_hex(8)}")
        try:
            with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as handle:
                handle.write(secrets.token_urlsafe(50))
                handle.flush()
                os.fsync(handle.fileno())
            _name_once(temporary, file)
        finally:
            temporary.unlink(missing_ok=True)
    key = file.read_text(encoding="ascii").strip()
    if not key:
        raise InvalidSetting(f"{file} is empty. Delete it: a new key is made, and everybody signs in again.")
    return key


def _name_once(temporary: Path, file: Path) -> None:
    """Gives the temporary file its name, unless another process was quicker."""
    try:
        os.link(temporary, file)
    except FileExistsError:
        pass
    except OSError as error:
        if error.errno not in {errno.EPERM, errno.ENOTSUP, errno.ENOSYS}:
            raise
        temporary.replace(file)  # a drive without hard links, such as FAT: a moment in which two could differ


_cores = os.cpu_count() or 1
_data_dir = env.path("PICTOPY_DATA", BASE_DIR / "data")
_workers = env.integer("PICTOPY_WORKERS", min(_cores, 8), low=1, high=64)

PICTOPY = PictopySettings(
    data_dir=_data_dir,
    roots=env.paths("PICTOPY_ROOTS", [Path.home()]),
    models_dir=env.path("PICTOPY_MODELS", BASE_DIR / "models"),
    model_mirror=env.text("PICTOPY_MODEL_MIRROR") or None,
    model_pack=env.text("PICTOPY_MODEL_PACK", "standard"),
    objects_model=env.text("PICTOPY_OBJECTS_MODEL"),
    face_detector=env.text("PICTOPY_FACE_DETECTOR"),
    face_embedder=env.text("PICTOPY_FACE_EMBEDDER"),
    workers=_workers,
    threads_per_worker=env.integer("PICTOPY_THREADS", max(1, _cores // _workers), low=1, high=64),
    host=env.text("PICTOPY_HOST", "127.0.0.1"),
    port=env.integer("PICTOPY_PORT", 8000, low=1, high=65535),
    batch_size=env.integer("PICTOPY_BATCH", 8, low=1, high=256),
    lease_s=env.integer("PICTOPY_LEASE_S", 600, low=30, high=86400),
    settle_s=env.integer("PICTOPY_SETTLE_S", 5, low=0, high=600),
)

SECRET_KEY = _secret_key(_data_dir)
DEBUG = env.boolean("PICTOPY_DEBUG", False)
CSRF_TRUSTED_ORIGINS = env.words("PICTOPY_TRUSTED_ORIGINS", [])
# Names that belong to a home network, which a list cannot tell, need no setting: `middleware.Names` decides.
ALLOWED_HOSTS = ["*"]
PICTOPY_ALLOWED_HOSTS = [
    *env.words("PICTOPY_ALLOWED_HOSTS", []),
    socket.gethostname().lower(),
    *filter(None, (urlsplit(origin).hostname for origin in CSRF_TRUSTED_ORIGINS)),
]
PICTOPY_HTTPS = env.boolean("PICTOPY_HTTPS", False)

INSTALLED_APPS = [
    "pictopy_site.apps.AdministrationConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "django_htmx",
    "django_q",
    "axes",
    "csp",
    "gallery",
    "faces",
    "albums",
    "pictopy_site",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "pictopy_site.middleware.Names",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.auth.middleware.LoginRequiredMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "pictopy_site.middleware.Private",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "csp.middleware.CSPMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "axes.middleware.AxesMiddleware",
]

ROOT_URLCONF = "pictopy_site.urls"
WSGI_APPLICATION = "pictopy_site.wsgi.application"

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

DATABASES = {"default": env.database("DATABASE_URL", _data_dir / "pictopy.sqlite3")}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# The cache holds nothing that matters: the database is the one place of truth; each process has a cache of its own.
CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}

AUTHENTICATION_BACKENDS = ["axes.backends.AxesStandaloneBackend", "django.contrib.auth.backends.ModelBackend"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator"},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]
CSRF_FAILURE_VIEW = "pictopy_site.views.forbidden"
LOGIN_URL = "site:login"
LOGIN_REDIRECT_URL = "gallery:timeline"
LOGOUT_REDIRECT_URL = "site:login"

# Five wrong passwords for one name from one address: a quarter of an hour to wait.
AXES_FAILURE_LIMIT = 5
AXES_COOLOFF_TIME = 0.25
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_LOCKOUT_TEMPLATE = "site/locked_out.html"
AXES_RESET_ON_SUCCESS = True
AXES_VERBOSE = False
AXES_HANDLER = "pictopy_site.throttle.Handler"
AXES_USERNAME_CALLABLE = "pictopy_site.throttle.name"
AXES_CLIENT_IP_CALLABLE = "pictopy_site.throttle.address"
# And for all names together, from one address: a household behind one router is wrong less often than that.
PICTOPY_ADDRESS_FAILURE_LIMIT = 50

LANGUAGE_CODE = "en-gb"
TIME_ZONE = env.time_zone("PICTOPY_TIME_ZONE", "UTC")
USE_I18N = True
USE_TZ = True

STATIC_URL = "static/"
STATIC_ROOT = _data_dir / "static"
STATICFILES_DIRS = [BASE_DIR / "static"]
# Files that browsers ask for at the top, whatever a page says: favicon.ico.
WHITENOISE_ROOT = BASE_DIR / "static" / "root"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if DEBUG
        else "whitenoise.storage.CompressedManifestStaticFilesStorage"
    },
}

# A selection of photos is posted as one field each.
DATA_UPLOAD_MAX_NUMBER_FIELDS = 20_000
DATA_UPLOAD_MAX_MEMORY_SIZE = 2_000_000
FILE_UPLOAD_HANDLERS = ["pictopy_site.uploads.NoUploads"]
# With the session, messages end at sign-out; a cookie of their own would show them to whoever comes next.
MESSAGE_STORAGE = "django.contrib.messages.storage.session.SessionStorage"

SESSION_COOKIE_AGE = 60 * 60 * 24 * 60
SESSION_COOKIE_SECURE = PICTOPY_HTTPS
CSRF_COOKIE_SECURE = PICTOPY_HTTPS
SESSION_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_SAMESITE = "Lax"
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
if PICTOPY_HTTPS:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")

# No inline script or style, and nothing from elsewhere.
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],
        "media-src": [SELF],
        "font-src": [SELF],
        "connect-src": [SELF],
        "manifest-src": [SELF],
        "form-action": [SELF],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
    }
}

# One task may take `timeout`; a message comes again after `retry`, which counts from the moment it was taken from the
# queue: so no more are taken than there are workers. What is to be done stands in the database, so a message that is
# lost, doubled or late costs only time (see gallery/work.py).
Q_CLUSTER: dict[str, object] = {
    "name": "pictopy",
    "workers": _workers,
    "timeout": PICTOPY.lease_s,
    "retry": PICTOPY.lease_s * 3 + 60,
    "queue_limit": _workers,
    "bulk": 1,
    "poll": 0.5,
    "ack_failures": True,
    "max_attempts": 1,
    "save_limit": -1,
    "catch_up": False,
    "recycle": 500,
    "label": "Background tasks",
    "log_level": "WARNING",
}
_redis_url = env.text("PICTOPY_REDIS_URL")
if _redis_url:
    Q_CLUSTER["redis"] = _redis_url
else:
    Q_CLUSTER["orm"] = "default"

LOG_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"plain": {"format": "{asctime} {levelname} {name}: {message}", "style": "{"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "plain"}},
    "root": {"handlers": ["console"], "level": env.choice("PICTOPY_LOG_LEVEL", "INFO", LOG_LEVELS)},
    "loggers": {"django.request": {"level": "ERROR"}, "axes": {"level": "WARNING"}, "django-q": {"level": "WARNING"}},
}
