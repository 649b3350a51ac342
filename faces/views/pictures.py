"""Pictures of faces, through the same door as the photos they are cut from."""

from __future__ import annotations

import io
from typing import BinaryIO

from django.http import Http404, HttpRequest, HttpResponseBase
from django.views.decorators.http import require_safe

from faces import access, crops
from gallery import media


@require_safe
def face_crop(request: HttpRequest, face_id: int, version: str) -> HttpResponseBase:
    """The picture of exactly this box in exactly this content: any other version of it is not there."""
    face = access.get_face(request.user, face_id)
    digest, box = face.photo.digest or "", (face.x, face.y, face.w, face.h)
    if not face.is_placed or crops.version(digest, box) != version:
        raise Http404

    def opened() -> BinaryIO | None:
        file = crops.ensure(digest, box)
        return io.BytesIO(file.read_bytes()) if file else None  # about 15 kB

    response = media.derivative(request, f'"face-{version}"', opened)
    if response is None:
        raise Http404
    return response
