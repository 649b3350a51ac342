"""No page of PictoPy takes files."""

from __future__ import annotations

from typing import Any, NoReturn

from django.core.files.uploadhandler import FileUploadHandler, StopUpload


class NoUploads(FileUploadHandler):
    """Stops reading a form at the first file in it, before anything of it is kept."""

    def new_file(self, *args: Any, **kwargs: Any) -> NoReturn:
        raise StopUpload(connection_reset=True)

    def receive_data_chunk(self, raw_data: bytes, start: int) -> NoReturn:
        raise StopUpload(connection_reset=True)

    def file_complete(self, file_size: int) -> None:
        return None
