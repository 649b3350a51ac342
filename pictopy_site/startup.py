"""What has to be right before the servers start: one run per data directory, a free port, static files in place."""

from __future__ import annotations

import errno
import fcntl
import hashlib
import http.client
import ipaddress
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.metadata import version
from pathlib import Path

import django
from django.conf import settings
from django.contrib.staticfiles import finders
from django.core.management import call_command
from django.db import DatabaseError, connection
from django.utils import timezone

from gallery.models import Condition


class StartRefused(Exception):  # noqa: N818
    """PictoPy cannot start. The message is for the person who started it."""


@contextmanager
def only_run(data_dir: Path) -> Iterator[None]:
    """Holds the data directory for this process. Raises StartRefused while another one holds it.

    Python opens files so that they are closed in programs it starts, hence children never hold the lock.
    """
    with _room_in(data_dir):
        data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(data_dir / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.read(descriptor, 32).decode("ascii", "replace").strip()
            number = f" (process {holder})" if holder else ""
            raise StartRefused(
                f"PictoPy is already running{number} with the data in {data_dir}. Stop it first, or give this one "
                "a data directory of its own with PICTOPY_DATA."
            ) from None
        os.ftruncate(descriptor, 0)
        with suppress(OSError):  # on a full disk: the number only helps who starts a second one
            os.write(descriptor, f"{os.getpid()}\n".encode())
        yield
    finally:
        os.close(descriptor)


@contextmanager
def _room_in(folder: Path) -> Iterator[None]:
    """Turns a full disk, where something must be written before PictoPy can run, into StartRefused."""
    try:
        yield
    except OSError as error:
        if error.errno not in {errno.ENOSPC, errno.EDQUOT}:
            raise
        raise StartRefused(f"The disk that holds {folder} is full. Make some room on it, and start again.") from error


def close_to_others(data_dir: Path) -> None:
    """Takes the data directory away from other users of the machine, if it is ours: one from before may be open."""
    state = data_dir.stat()
    if state.st_uid == os.geteuid() and state.st_mode & 0o077:
        with suppress(OSError):  # a drive without permissions, for instance
            data_dir.chmod(0o700)


def resolve_host(host: str) -> str:
    """The address to listen on; the web server takes numbers only. Raises StartRefused for an unknown name."""
    try:
        return str(socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)[0][4][0])
    except (OSError, UnicodeError):
        raise StartRefused(f"{host!r} is not an address of this machine. Try 127.0.0.1, or 0.0.0.0 for all.") from None


def check_port(address: str, port: int) -> None:
    """Raises StartRefused if the web server could not listen there."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, port))
            probe.listen(1)
        except PermissionError:
            raise StartRefused(f"Port {port} needs administrator rights. Choose one above 1023.") from None
        except OSError as error:
            if error.errno in {98, 48}:  # EADDRINUSE on Linux, macOS
                raise StartRefused(
                    f"Port {port} is in use by another program. Choose another: make run PORT={port + 1}, or "
                    f"manage.py up --port {port + 1}."
                ) from None
            raise StartRefused(f"Cannot listen on {address}: {error.strerror}.") from None


def addresses(address: str, port: int) -> list[str]:
    """Where browsers find a server that listens on `address`: on this machine, and in the house if they can."""
    ip = ipaddress.ip_address(address)
    if not ip.is_unspecified:
        return [f"http://{_bracketed(address)}:{port}"]
    found = [f"http://127.0.0.1:{port}"]
    house = _house_address()
    if house and house != "127.0.0.1":
        found.append(f"http://{house}:{port}")
    return found


def _bracketed(address: str) -> str:
    return f"[{address}]" if ":" in address else address


def _house_address() -> str | None:
    """This machine's address towards others. Connecting a datagram socket only looks up the route: nothing is sent."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # an address for documentation (RFC 5737)
            return str(probe.getsockname()[0])
        except OSError:
            return None


def answers(address: str, port: int) -> bool:
    """Whether a web server answers there; any answer counts."""
    ip = ipaddress.ip_address(address)
    target = ("::1" if ip.version == 6 else "127.0.0.1") if ip.is_unspecified else address
    connection = http.client.HTTPConnection(target, port, timeout=2)
    try:
        connection.request("GET", "/health/")
        return connection.getresponse().status < 600
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def collect_static() -> bool:
    """Collects static files if any of them changed since the last time; says whether it did.

    Comparing names, sizes and times takes milliseconds; collecting and compressing takes seconds. Raises StartRefused
    when there is no room for them.
    """
    root = Path(settings.STATIC_ROOT)
    record = root.with_name(f"{root.name}.collected")  # beside it: what is inside is served
    fingerprint = _static_fingerprint()
    try:
        if root.is_dir() and record.read_text(encoding="ascii") == fingerprint:
            return False
    except OSError:
        pass
    with _room_in(root.parent):
        record.unlink(missing_ok=True)
        call_command("collectstatic", interactive=False, clear=True, verbosity=0)
        record.write_text(fingerprint, encoding="ascii")
    return True


def _static_fingerprint() -> str:
    digest = hashlib.sha256()
    digest.update(repr((django.VERSION, version("whitenoise"), settings.STORAGES["staticfiles"])).encode())
    for finder in finders.get_finders():
        for name, storage in finder.list([]):
            stat = os.stat(storage.path(name))
            digest.update(f"{name}\0{stat.st_size}\0{stat.st_mtime_ns}\n".encode("utf-8", "surrogateescape"))
    return digest.hexdigest()


def sweep_overdue_s() -> float:
    """After how long without a sweep, which is due every minute, the workers must be stuck: no task may take longer."""
    return float(settings.PICTOPY.lease_s + 300)


def is_sweep_overdue() -> bool:
    """Whether the workers have long stopped doing anything: killing an idle one can leave its siblings waiting for a
    lock that nobody holds any more. The database being busy is no reason to think so."""
    try:
        swept = Condition.objects.filter(key="sweep").values_list("at", flat=True).first()
    except DatabaseError:
        connection.close()  # the next question opens a new one
        return False
    return swept is None or (timezone.now() - swept).total_seconds() > sweep_overdue_s()
