"""Weights come to the server: from a mirror, from the publisher, or from a folder. Never unasked.

Every file is written beside its place, checked by SHA-256, and only then renamed into it, so that a file under its own
name is always whole. A download that broke off goes on where it stopped.
"""

import contextlib
import errno
import fcntl
import hashlib
import http.client
import os
import shutil
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from io import BufferedRandom
from pathlib import Path
from typing import Literal
from urllib.parse import quote, urlsplit

from gallery.vision.catalog import ROLES, ModelSpec, ModelUnavailable, models_for, pack, sha256_of, weights_state

Progress = Callable[[int, int | None], None]
"""Called with the bytes that are there and the bytes there will be (None: not known)."""

CONNECT_TIMEOUT_S = 10.0
READ_TIMEOUT_S = 30.0
_CHUNK_BYTES = 1 << 18
_MAX_BYTES = 1 << 29  # of a file whose size the catalog does not know: a wrong address must not fill the disk
_TRIES = 4  # of one download; each goes on where the last one broke off


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one model: `message` is a sentence, empty when all is well."""

    spec: ModelSpec
    state: Literal["present", "fetched", "imported", "missing", "damaged"]
    message: str = ""

    @property
    def is_ready(self) -> bool:
        """Whether the model can be used now."""
        return self.state in ("present", "fetched", "imported")


def fetch(spec: ModelSpec, folder: Path, mirror: str | None = None, progress: Progress | None = None) -> Path:
    """Bring the weights of one model into `folder`; nothing is done if they are there already.

    `mirror` is a folder or an http(s) address that is asked before the publisher's. Raises ModelUnavailable, saying
    what was tried, if the file cannot be had or is not the one of the catalog; OSError if it cannot be written.
    """
    target = spec.path(folder)
    if weights_state(spec, folder) == "ready":
        return target
    folder.mkdir(parents=True, exist_ok=True)
    sources = [source for source in (_in_mirror(spec, mirror), spec.url) if source]
    if not sources:
        raise ModelUnavailable(f"{spec.file} has no public address: put it into a folder and run models import FOLDER.")
    failures = []
    for source in sources:
        try:
            if isinstance(source, Path):
                _copy(spec, source, target)
            else:
                _download(spec, source, target, progress)
            return target
        except ModelUnavailable as error:
            failures.append(str(error))
    raise ModelUnavailable(" ".join(failures))


def fetch_pack(
    name: str,
    folder: Path,
    mirror: str | None = None,
    progress_for: Callable[[ModelSpec], Progress | None] = lambda spec: None,
) -> list[Outcome]:
    """Bring the models of a pack into `folder`; what cannot be had is reported, not fatal.

    A mirror that is a folder also stands in: for a role of the pack that stays empty, the best model of that role that
    the folder holds is taken. Raises ModelUnavailable for an unknown pack, OSError if `folder` cannot be written.
    """
    outcomes = [_try_fetch(spec, folder, mirror, progress_for(spec)) for spec in pack(name)]
    wanted = {outcome.spec.role for outcome in outcomes}
    satisfied = {outcome.spec.role for outcome in outcomes if outcome.is_ready}
    if mirror and not _is_address(mirror):
        for role in ROLES:
            if role in wanted - satisfied:
                held = (spec for spec in models_for(role) if weights_state(spec, Path(mirror)) == "ready")
                if spec := next(held, None):
                    outcomes.append(_try_fetch(spec, folder, mirror, None))
    return outcomes


def import_folder(source: Path, folder: Path) -> list[Outcome]:
    """Copy every model of the catalog that `source` holds into `folder`; files with other content are refused.

    Raises NotADirectoryError if `source` is no folder, OSError if `folder` cannot be written.
    """
    if not source.is_dir():
        raise NotADirectoryError(errno.ENOTDIR, "There is no such folder", str(source))
    folder.mkdir(parents=True, exist_ok=True)
    outcomes = []
    for spec in (spec for role in ROLES for spec in models_for(role)):
        if weights_state(spec, source) == "missing":
            continue
        if weights_state(spec, folder) == "ready":
            outcomes.append(Outcome(spec, "present"))
            continue
        try:
            _copy(spec, spec.path(source), spec.path(folder))
            outcomes.append(Outcome(spec, "imported"))
        except ModelUnavailable as error:
            outcomes.append(Outcome(spec, "damaged", str(error)))
    return outcomes


def verify(folder: Path) -> list[Outcome]:
    """Hash every model file in `folder` anew, whatever was remembered of it."""
    outcomes = []
    for spec in (spec for role in ROLES for spec in models_for(role)):
        path = spec.path(folder)
        if not path.exists():
            continue
        try:
            is_right = sha256_of(path) == spec.sha256
            message = "" if is_right else f"{spec.file} is not the published file: delete it and fetch it again."
        except OSError as error:
            is_right, message = False, f"{spec.file} cannot be read: {error.strerror}."
        outcomes.append(Outcome(spec, "present" if is_right else "damaged", message))
    return outcomes


def _try_fetch(spec: ModelSpec, folder: Path, mirror: str | None, progress: Progress | None) -> Outcome:
    if weights_state(spec, folder) == "ready":
        return Outcome(spec, "present")
    try:
        fetch(spec, folder, mirror, progress)
    except ModelUnavailable as error:
        return Outcome(spec, "missing", str(error))
    return Outcome(spec, "fetched")


def _is_address(mirror: str) -> bool:
    return "://" in mirror


def _in_mirror(spec: ModelSpec, mirror: str | None) -> Path | str | None:
    if not mirror:
        return None
    return f"{mirror.rstrip('/')}/{quote(spec.file)}" if _is_address(mirror) else Path(mirror) / spec.file


# ---- Writing ----------------------------------------------------------------------------------------------------


def _part(target: Path) -> Path:
    return target.with_name(target.name + ".part")


@contextlib.contextmanager
def _open_part(spec: ModelSpec, target: Path) -> Iterator[BufferedRandom]:
    """The file that is being written, for this process alone: another's bytes would get into the finished file.

    What was written stays for the next attempt; an empty part goes.
    """
    part = _part(target)
    part.touch()
    file = part.open("r+b")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        # The other process may have renamed it between opening and locking: then it is the finished file.
        is_ours = os.path.samestat(os.fstat(file.fileno()), part.stat())
    except OSError:
        is_ours = False
    if not is_ours:
        file.close()
        raise ModelUnavailable(f"{spec.file} is being fetched by another process.")
    with file:
        try:
            yield file
        finally:
            file.flush()
            if part.exists() and os.path.samestat(os.fstat(file.fileno()), part.stat()) and not part.stat().st_size:
                part.unlink()


def _finish(spec: ModelSpec, part: BufferedRandom, target: Path, source: str) -> None:
    """Put a complete part in its place if it is the right file. Removes it and raises ModelUnavailable if not."""
    part.flush()
    os.fsync(part.fileno())
    if _digest(part) != spec.sha256:
        _part(target).unlink()
        raise ModelUnavailable(f"{spec.file} from {source} is not the published file (its SHA-256 differs).")
    os.replace(_part(target), target)
    directory = os.open(target.parent, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)


def _digest(part: BufferedRandom) -> str:
    part.seek(0)
    return hashlib.file_digest(part, "sha256").hexdigest()


def _copy(spec: ModelSpec, source: Path, target: Path) -> None:
    try:
        original = source.open("rb")
    except FileNotFoundError:
        raise ModelUnavailable(f"The folder does not hold {spec.file}.") from None
    except OSError as error:
        raise ModelUnavailable(f"{spec.file} in the folder cannot be read: {error.strerror}.") from error
    with original, _open_part(spec, target) as part:
        part.truncate(0)
        shutil.copyfileobj(original, part, _CHUNK_BYTES)
        _finish(spec, part, target, "the folder")


# ---- Downloading ------------------------------------------------------------------------------------------------


def _download(spec: ModelSpec, url: str, target: Path, progress: Progress | None) -> None:
    address = urlsplit(url)
    if address.scheme not in ("http", "https") or not address.hostname:
        raise ModelUnavailable(f"{url} is not an http or https address.")
    with _open_part(spec, target) as part:
        for left in reversed(range(_TRIES)):
            before = part.seek(0, os.SEEK_END)
            is_whole = before > 0 and before == spec.size_bytes
            is_whole = is_whole or _transfer(spec, url, part, progress)
            if is_whole:
                # What an earlier attempt left may belong to another file: then once more from the start.
                if before and left and _digest(part) != spec.sha256:
                    part.truncate(0)
                    continue
                return _finish(spec, part, target, address.hostname)
            if part.seek(0, os.SEEK_END) <= before:
                break
        raise ModelUnavailable(
            f"The connection to {address.hostname} broke off while fetching {spec.file}; "
            "fetch again to go on where it stopped."
        )


def _transfer(spec: ModelSpec, url: str, part: BufferedRandom, progress: Progress | None) -> bool:
    """Append what is missing of the file; False if the connection broke off first.

    Raises ModelUnavailable if the server cannot be reached, refuses, or sends more than the file can have.
    """
    start = part.seek(0, os.SEEK_END)
    with _open_address(spec, url, start) as response:
        if response is None:
            return True  # 416: the server has nothing after `start`; the hash will tell
        if start and (response.status != 206 or not _continues_at(response, start)):
            start = 0  # the server sends the whole file
            part.truncate(0)
        part.seek(start)
        length = response.headers.get("Content-Length", "")
        total = start + int(length) if length.isdecimal() else spec.size_bytes
        done, most = start, spec.size_bytes or _MAX_BYTES
        while True:
            try:
                chunk = response.read(_CHUNK_BYTES)
            except (OSError, http.client.HTTPException):
                return False
            if not chunk:
                return total is None or done >= total
            done += len(chunk)
            if done > most:
                part.truncate(0)
                raise ModelUnavailable(f"{urlsplit(url).hostname} sends something else than {spec.file}: too long.")
            part.write(chunk)
            if progress:
                progress(done, total)


@contextlib.contextmanager
def _open_address(spec: ModelSpec, url: str, start: int) -> Iterator[http.client.HTTPResponse | None]:
    """The answer to a request from byte `start` on; None if the server says there is nothing there (416)."""
    host = urlsplit(url).hostname
    headers = {"User-Agent": "PictoPy", "Accept-Encoding": "identity"}
    if start:
        headers["Range"] = f"bytes={start}-"
    try:
        response = _opener().open(urllib.request.Request(url, headers=headers))
    except urllib.error.HTTPError as error:
        error.close()
        if error.code == 416 and start:
            yield None
            return
        raise ModelUnavailable(f"{host} answered {error.code} ({error.reason}) for {spec.file}.") from error
    except (OSError, http.client.HTTPException, ValueError) as error:
        reason = getattr(error, "reason", error)
        raise ModelUnavailable(f"{host} cannot be reached for {spec.file}: {reason}.") from error
    with response:
        yield response


def _continues_at(response: http.client.HTTPResponse, start: int) -> bool:
    return (response.headers.get("Content-Range") or "").startswith(f"bytes {start}-")


class _Connection(http.client.HTTPConnection):
    """Gives up sooner on connecting than on reading."""

    def connect(self) -> None:
        self.timeout = CONNECT_TIMEOUT_S
        super().connect()
        self.sock.settimeout(READ_TIMEOUT_S)


class _SecureConnection(http.client.HTTPSConnection):
    """The same with TLS."""

    def connect(self) -> None:
        self.timeout = CONNECT_TIMEOUT_S
        super().connect()
        self.sock.settimeout(READ_TIMEOUT_S)


class _Handler(urllib.request.HTTPHandler):
    def http_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
        return self.do_open(_Connection, req)


class _SecureHandler(urllib.request.HTTPSHandler):
    def https_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
        return self.do_open(_SecureConnection, req)


def _opener() -> urllib.request.OpenerDirector:
    """An opener that knows http and https only: no redirect can lead to file: or ftp:. Proxies are those of the
    environment.
    """
    opener = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.ProxyHandler(),
        _Handler(),
        _SecureHandler(),
        urllib.request.HTTPRedirectHandler(),
        urllib.request.HTTPDefaultErrorHandler(),
        urllib.request.HTTPErrorProcessor(),
    ):
        opener.add_handler(handler)
    return opener
