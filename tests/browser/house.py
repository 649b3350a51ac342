"""A whole installation of PictoPy for tests: a data directory of its own, photos, and `manage.py up` on a free port."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PASSWORD = "long-enough-for-anna"
START_S = 180  # a limit for "never", not for how fast it is
# Makes members without a way through pages, and signs them in: prints their session keys.
MEMBERS = """
import json
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.auth.hashers import make_password
from django.contrib.auth.models import User
from django.contrib.sessions.backends.db import SessionStore
keys = {{}}
for name in {names!r}:
    user, _ = User.objects.get_or_create(username=name, defaults={{"password": make_password(None)}})
    session = SessionStore()
    session[SESSION_KEY] = str(user.pk)
    session[BACKEND_SESSION_KEY] = "django.contrib.auth.backends.ModelBackend"
    session[HASH_SESSION_KEY] = user.get_session_auth_hash()
    session.create()
    keys[name] = session.session_key
print("KEYS", json.dumps(keys))
"""


class House:
    """`base` holds everything; `photos` is the folder that is shown."""

    def __init__(self, base: Path) -> None:
        self.base = base
        self.photos = base / "photos"
        self.photos.mkdir(parents=True)
        self.log = base / "log.txt"
        self.url = f"http://127.0.0.1:{_free_port()}"
        self.process: subprocess.Popen[bytes] | None = None
        self.environment = {
            **{key: value for key, value in os.environ.items() if not key.startswith("PICTOPY_")},
            "DJANGO_SETTINGS_MODULE": "pictopy_site.settings",
            "PICTOPY_DATA": str(base / "data"),
            "PICTOPY_MODELS": str(base / "models"),
            "PICTOPY_ROOTS": str(base),
            "PICTOPY_SETTLE_S": "0",
            "PICTOPY_WORKERS": "2",
            "PYTHONUNBUFFERED": "1",
        }
        self.environment.pop("DATABASE_URL", None)

    def take_models(self, folder: Path) -> None:
        """The weights that lie in `folder`. Not by PICTOPY_MODEL_MIRROR: what the folder lacks would be downloaded."""
        self.manage("models", "import", str(folder))

    def start(self, *, with_photos: bool = True) -> None:
        """Until the pages answer. The workers follow a moment later."""
        command = [sys.executable, "manage.py", "up", "--port", self.url.rpartition(":")[2]]
        if with_photos:
            command += ["--photos", str(self.photos)]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                command, cwd=ROOT, env=self.environment, start_new_session=True, stdout=log, stderr=log
            )
        deadline = time.monotonic() + START_S
        while "Stop with Ctrl-C." not in self.said():
            assert self.process.poll() is None, f"PictoPy did not start:\n{self.said()}"
            assert time.monotonic() < deadline, f"PictoPy is not ready after {START_S} s:\n{self.said()}"
            time.sleep(0.05)

    def said(self) -> str:
        return self.log.read_text(encoding="utf-8", errors="replace")

    @property
    def welcome_link(self) -> str:
        """The link that makes the first administrator, as it was printed."""
        links = re.findall(rf"{re.escape(self.url)}/welcome/\S+", self.said())
        assert links, f"no welcome link was printed:\n{self.said()}"
        return str(links[-1])

    def stop(self) -> None:
        """As Ctrl-C does. Nothing of it may be left running."""
        if self.process is None:
            return
        process, self.process = self.process, None
        process.send_signal(signal.SIGINT)
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        left = self.running()
        for pid in left:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        assert not left, f"{len(left)} processes were left behind:\n{self.said()}"

    def running(self) -> list[int]:
        """Processes that work on this installation's data, zombies left out."""
        found = []
        mark = f"PICTOPY_DATA={self.environment['PICTOPY_DATA']}".encode()
        for folder in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                if mark in (folder / "environ").read_bytes().split(b"\0"):
                    found.append(int(folder.name))
        return found

    def manage(self, *arguments: str) -> str:
        command = [sys.executable, "manage.py", *arguments]
        done = subprocess.run(command, cwd=ROOT, env=self.environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def session_keys(self, names: Sequence[str]) -> dict[str, str]:
        """Makes accounts that are nobody's administrators, and a session for each, by name."""
        said = self.manage("shell", "--no-imports", "-c", MEMBERS.format(names=list(names)))
        line = next(line for line in said.splitlines() if line.startswith("KEYS"))
        keys: dict[str, str] = json.loads(line.removeprefix("KEYS"))
        return keys


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
