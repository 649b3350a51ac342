"""No form of PictoPy takes files but those for uploads, which say so themselves."""

from __future__ import annotations

import re
from typing import Any, NoReturn

from django.core.files.uploadhandler import FileUploadHandler, StopUpload

from gallery import limits
from pictopy_site.front import Allowance

# A slow line sends little in this time; the part that came is kept, and the browser goes on with the rest.
CHUNK_S = 15.0
# The same for a form without scripts, which has to come whole.
FORM_S = 120.0
# Of chunks that are on their way, from everybody together.
CHUNKS_UNDER_WAY_BYTES = 6 * limits.CHUNK_BYTES


def allowances() -> list[Allowance]:
    """What may be longer than a form: a chunk of an upload, the form for browsers without scripts, a face's picture."""
    return [
        Allowance(
            "PATCH",
            re.compile(r"/uploads/[0-9a-f-]{36}/"),
            limits.CHUNK_BYTES,
            CHUNK_S,
            CHUNKS_UNDER_WAY_BYTES,
            takes_part=True,
            refusal=f"A chunk has at most {limits.CHUNK_BYTES:,} bytes.",
        ),
        Allowance(
            "POST",
            re.compile(r"/uploads/form/"),
            limits.FORM_BYTES,
            FORM_S,
            2 * limits.FORM_BYTES,
            refusal=f"Without scripts at most {limits.FORM_BYTES // 10**6} MB go at once. Choose fewer photos.",
        ),
        Allowance(
            "POST",
            re.compile(r"/people/find/"),
            limits.FACE_FORM_BYTES,
            FORM_S,
            2 * limits.FACE_FORM_BYTES,
            watches=True,
            dropped_bytes=limits.FACE_DROPPED_BYTES,
            refusal=f"A picture may have at most {limits.FACE_PICTURE_BYTES // 10**6} MB. Send a smaller copy of it.",
        ),
    ]


class NoUploads(FileUploadHandler):
    """Stops reading a form at the first file in it, before anything of it is kept."""

    def new_file(self, *args: Any, **kwargs: Any) -> NoReturn:
        raise StopUpload(connection_reset=True)

    def receive_data_chunk(self, raw_data: bytes, start: int) -> NoReturn:
        raise StopUpload(connection_reset=True)

    def file_complete(self, file_size: int) -> None:
        return None
