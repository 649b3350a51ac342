"""Pictures of faces, through the same door as the photos they are cut from."""

from __future__ import annotations

import datetime as dt

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.utils.cache import get_conditional_response, patch_cache_control
from django.views.decorators.http import require_safe

from faces import access, crops

_FOR_EVER_S = int(dt.timedelta(days=365).total_seconds())


@require_safe
def face_crop(request: HttpRequest, face_id: int, version: str) -> HttpResponseBase:
    """The picture of exactly this box in exactly this content: any other version of it is not there."""
    face = access.get_face(request.user, face_id)
    digest, box = face.photo.digest or "", (face.x, face.y, face.w, face.h)
    if crops.version(digest, box) != version:
        raise Http404
    etag = f'"face-{version}"'
    response = get_conditional_response(request, etag=etag)
    if response is None:
        file = crops.ensure(digest, box)
        if file is None:
            raise Http404
        response = HttpResponse(file.read_bytes(), content_type="image/jpeg")  # about 15 kB
    response["ETag"] = etag
    response["X-Content-Type-Options"] = "nosniff"
    response["Content-Security-Policy"] = "default-src 'none'; sandbox"
    response["Cross-Origin-Resource-Policy"] = "same-origin"
    patch_cache_control(response, private=True, max_age=_FOR_EVER_S, immutable=True)
    return response
