"""A small client of the upload protocol for tests, on top of Django's own."""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path
from typing import Any

from django.test import Client

from gallery import staging
from gallery.models import Library
from tests.factories import LibraryFactory

CHUNK = "application/offset+octet-stream"


def upload_library(folder: Path, **options: Any) -> Library:
    """A household library for uploads on a new folder."""
    folder.mkdir(parents=True, exist_ok=True)
    library: Library = LibraryFactory(root=str(folder), kind=Library.Kind.MANAGED, **options)
    staging.prepare(library)
    return library


class Sender:
    """Sends to one library as one person."""

    def __init__(self, client: Client, library: Library) -> None:
        self.client, self.library = client, library

    def open(
        self, data: bytes, name: str = "a.jpg", *, announce: bool = True, size: int | None = None, **told: str
    ) -> Any:
        """The answer to the creation of an upload of `data`."""
        told = {"filename": name, "library": str(self.library.pk)} | told
        if announce:
            told.setdefault("sha256", hashlib.sha256(data).hexdigest())
        metadata = ",".join(f"{key} {base64.b64encode(value.encode()).decode()}" for key, value in told.items())
        headers = {
            "tus-resumable": "1.0.0",
            "upload-metadata": metadata,
            "upload-length": str(len(data) if size is None else size),
        }
        return self.client.post("/uploads/", headers=headers)

    def begin(self, data: bytes, name: str = "a.jpg", **told: Any) -> str:
        """The address of a new upload."""
        response = self.open(data, name, **told)
        assert response.status_code == 201, response.content.decode()
        return str(response.headers["Location"])

    def patch(self, url: str, offset: int, data: bytes, **headers: str) -> Any:
        named = {"tus-resumable": "1.0.0", "upload-offset": str(offset)} | headers
        return self.client.patch(url, data, content_type=CHUNK, headers=named)

    def head(self, url: str) -> Any:
        return self.client.head(url, headers={"tus-resumable": "1.0.0"})

    def delete(self, url: str) -> Any:
        return self.client.delete(url, headers={"tus-resumable": "1.0.0"})

    def offset(self, url: str) -> int:
        response = self.head(url)
        assert response.status_code == 200, response.status_code
        return int(response.headers["Upload-Offset"])

    def send(self, data: bytes, name: str = "a.jpg", **told: Any) -> Any:
        """Everything in one chunk; the last answer."""
        return self.patch(self.begin(data, name, **told), 0, data)


def originals(folder: Path) -> dict[str, bytes]:
    """The files of a library by their path, without those on their way."""
    return {
        file.relative_to(folder).as_posix(): file.read_bytes()
        for file in sorted(folder.rglob("*"))
        if file.is_file() and ".pictopy-uploads" not in file.parts
    }


def on_their_way(folder: Path) -> list[str]:
    staging = folder / ".pictopy-uploads"
    return sorted(file.name for file in staging.iterdir()) if staging.exists() else []
