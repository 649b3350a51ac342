"""Between the web server and Django: slow visitors wait here, where waiting costs no thread.

The server calls `Front.handle` (RSGI) in an event loop. A request goes to Django (WSGI) when its body is there whole,
within a deadline and no larger than a form may be; Django answers in a few threads, each with one connection to the
database. What is short is handed to the server whole; long files it is told to send by itself.
"""

from __future__ import annotations

import asyncio
import io
import logging
import re
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

logger = logging.getLogger(__name__)

Headers = list[tuple[str, str]]

# Python runs one thread at a time anyway.
DJANGO_THREADS = 6
BODY_S = 10.0
# The server opens a file at once; until then it is kept open for it.
OPEN_S = 5.0
# Of bodies that are still on their way, from everybody together.
MAX_BYTES_UNDER_WAY = 32_000_000
# Pages and thumbnails are shorter.
WHOLE_BYTES = 2_000_000


@dataclass(frozen=True, slots=True)
class Allowance:
    """Requests that may bring more than a form: those of `method` to an address that `path` matches as a whole.

    They share `under_way_bytes` among themselves, so that forms have their own. With `takes_part`, what has come when
    the time is over, or the connection ends, goes to Django as if it were all: it counts what it gets. With `watches`,
    Django finds in the environment, as `pictopy.has_gone`, whether the visitor still waits for the answer.

    A body that is longer, but not than `dropped_bytes`, is read and dropped, so that the browser, which hears nothing
    before all is sent, gets a page: Django gets no body, and its length as `pictopy.dropped_bytes`.
    """

    method: str
    path: re.Pattern[str]
    max_body_bytes: int
    body_s: float
    under_way_bytes: int
    takes_part: bool = False
    watches: bool = False
    dropped_bytes: int = 0
    refusal: str = "This is more than can be sent at once."


@dataclass(frozen=True, slots=True)
class Body:
    """What a visitor sent, and whether it is whole; `dropped_bytes`: how long it was, if that was too much
    and it was dropped."""

    data: bytes = b""
    is_whole: bool = True
    dropped_bytes: int = 0


class Refused(Exception):  # noqa: N818
    """Answered without Django; the message is for people."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


@dataclass(slots=True)
class Answer:
    """What Django said: a body, or the bytes from `start` to before `end` of a file, which is then closed."""

    status: int
    headers: Headers
    body: bytes = b""
    file: Any = None
    start: int = 0
    end: int = 0
    close: Callable[[], None] = lambda: None


class Front:
    def __init__(
        self,
        application: Callable[..., Iterable[bytes]],
        *,
        max_body_bytes: int,
        body_s: float = BODY_S,
        allowances: Sequence[Allowance] = (),
    ) -> None:
        self._application = application
        self._forms = Allowance(
            "", re.compile(""), max_body_bytes, body_s, MAX_BYTES_UNDER_WAY, refusal="No form of PictoPy is that long."
        )
        self._allowances = allowances
        self._django = ThreadPoolExecutor(DJANGO_THREADS, "django")
        self._under_way: Counter[str] = Counter()

    async def handle(self, scope: Any, protocol: Any) -> None:
        """One request. `scope` and `protocol` are those of RSGI."""
        loop = asyncio.get_running_loop()
        watch: asyncio.Future[Any] | None = None
        try:
            body = await self._body(scope, protocol)
            environ = environment(scope, body.data)
            if body.dropped_bytes:
                environ["pictopy.dropped_bytes"] = body.dropped_bytes
            if self._allowance(scope).watches:
                watch = asyncio.ensure_future(protocol.client_disconnect())
                environ["pictopy.has_gone"] = watch.done
            answer = await loop.run_in_executor(self._django, self._ask, environ)
            if not body.is_whole:
                answer.headers.append(("Connection", "close"))  # what still comes is not read any more
        except Refused as refused:
            answer = refusal(refused.status, str(refused))
        except Exception:
            logger.exception("A request could not be answered")
            answer = refusal(500, "Something went wrong.")
        finally:
            if watch is not None:
                watch.cancel()
        if answer.file is None:
            protocol.response_bytes(answer.status, answer.headers, answer.body)
        elif scope.method == "HEAD":
            protocol.response_empty(answer.status, answer.headers)
            answer.close()
        else:
            # The server opens what this names, which is the very file that Django opened, and sends it by itself; its
            # own streams would take the whole file into memory for a visitor who does not read it.
            name = f"/proc/self/fd/{answer.file.fileno()}"
            protocol.response_file_range(answer.status, answer.headers, name, answer.start, answer.end)
            loop.call_later(OPEN_S, answer.close)

    def _ask(self, environ: dict[str, Any]) -> Answer:
        """Asks Django, in one of its threads."""
        said: dict[str, Any] = {}

        def start_response(status: str, headers: Headers, exc_info: object = None) -> None:
            said.update(status=int(status[:3]), headers=headers)

        response: Any = self._application(environ, start_response)
        answer = Answer(**said)
        file, offset = _file(response)
        if file is not None and _is_long(answer, offset):
            answer.file, answer.close = file, response.close
            return answer
        try:
            answer.body = b"".join(response)
        finally:
            if hasattr(response, "close"):
                response.close()
        return answer

    def _allowance(self, scope: Any) -> Allowance:
        for allowance in self._allowances:
            if scope.method == allowance.method and allowance.path.fullmatch(scope.path):
                return allowance
        return self._forms

    async def _body(self, scope: Any, protocol: Any) -> Body:
        """The body of the request. Raises Refused if it is too long or takes too long."""
        allowed = self._allowance(scope)
        declared = scope.headers.get("content-length", "0")
        if not (declared.isascii() and declared.isdecimal()):
            raise Refused(400, "The length of the form is not a number.")
        most = max(allowed.max_body_bytes, allowed.dropped_bytes)
        if len(declared) > 18 or int(declared) > most:
            raise Refused(413, allowed.refusal)
        if int(declared) == 0 and "transfer-encoding" not in scope.headers:
            return Body()
        pool = allowed.path.pattern
        held, length = bytearray(), 0
        try:
            async with asyncio.timeout(allowed.body_s):
                async for part in protocol:
                    length += len(part)
                    if length > most:
                        raise Refused(413, allowed.refusal)
                    if max(length, int(declared)) > allowed.max_body_bytes:
                        self._under_way[pool] -= len(held)
                        held.clear()
                        continue
                    held += part
                    self._under_way[pool] += len(part)
                    if self._under_way[pool] > allowed.under_way_bytes:
                        raise Refused(503, "PictoPy is busy. Please try again in a few seconds.")
        except TimeoutError:
            if length > allowed.max_body_bytes:
                return Body(is_whole=False, dropped_bytes=length)
            if not allowed.takes_part:
                raise Refused(408, "The form did not come in time.") from None
            return Body(bytes(held), is_whole=False)
        finally:
            self._under_way[pool] -= len(held)
        if length > allowed.max_body_bytes:
            return Body(is_whole=length >= int(declared), dropped_bytes=length)
        if length < int(declared) and not allowed.takes_part:
            raise Refused(400, "The form did not come whole.")
        return Body(bytes(held), length >= int(declared))


def environment(scope: Any, body: bytes) -> dict[str, Any]:
    """The request as WSGI has it (PEP 3333)."""
    server, _, port = scope.server.rpartition(":")
    environ: dict[str, Any] = {
        "REQUEST_METHOD": scope.method,
        "SCRIPT_NAME": "",
        "PATH_INFO": scope.path.encode().decode("latin-1"),
        "QUERY_STRING": scope.query_string,
        "SERVER_NAME": server.strip("[]"),
        "SERVER_PORT": port,
        "SERVER_PROTOCOL": f"HTTP/{scope.http_version}",
        "REMOTE_ADDR": scope.client.rpartition(":")[0].strip("[]"),
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": scope.scheme,
        "wsgi.input": io.BytesIO(body),
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }
    for name, value in scope.headers.items():
        if "_" in name:  # would look like the header with a hyphen, which a proxy may have checked
            continue
        key = f"HTTP_{name.upper().replace('-', '_')}"
        joint = "; " if name == "cookie" else ","
        environ[key] = f"{environ[key]}{joint}{value}" if key in environ else value
    environ.pop("HTTP_CONTENT_LENGTH", None)
    environ["CONTENT_LENGTH"] = str(len(body))
    environ["CONTENT_TYPE"] = environ.pop("HTTP_CONTENT_TYPE", "")
    return environ


def refusal(status: int, message: str) -> Answer:
    headers = [
        ("Content-Type", "text/plain; charset=utf-8"),
        ("Cache-Control", "no-store"),
        ("X-Content-Type-Options", "nosniff"),
    ]
    if status in {408, 413}:
        headers.append(("Connection", "close"))
    if status == 503:
        headers.append(("Retry-After", "5"))
    return Answer(status, headers, message.encode())


def _file(response: Any) -> tuple[Any, int]:
    """The file that a response streams from, if it does, and where in it begins what is sent."""
    if getattr(response, "file_to_stream", None) is not None:  # Django's own FileResponse
        return response.file_to_stream, 0
    owners: Iterable[Any] = (getattr(closer, "__self__", None) for closer in getattr(response, "_resource_closers", ()))
    return next(((owner.handle, owner.offset) for owner in owners if hasattr(owner, "handle")), (None, 0))


def _is_long(answer: Answer, offset: int) -> bool:
    """Whether the answer is too long to be held in memory; notes which bytes of the file it is."""
    named = {name.lower(): value for name, value in answer.headers}
    length = int(named.get("content-length", "0"))
    if answer.status == 206 and (match := re.match(r"bytes (\d+)-", named.get("content-range", ""))):
        answer.start = int(match[1])
    answer.start += offset
    answer.end = answer.start + length
    return length > WHOLE_BYTES
