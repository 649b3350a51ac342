"""Finding people by a picture of a face. The picture is in memory while it is looked at, and nowhere afterwards."""

from __future__ import annotations

from typing import Any

from django.core.files.uploadhandler import MemoryFileUploadHandler
from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.csrf import csrf_exempt, csrf_protect
from django.views.decorators.http import require_http_methods

from faces import find
from faces.find import CannotFind, Found
from faces.views import MemberRequest
from gallery import limits


class InMemory(MemoryFileUploadHandler):
    """Never writes to disk, whatever the length: the view has looked at it before."""

    def handle_raw_input(self, *args: Any, **kwargs: Any) -> None:
        self.activated = True


@csrf_exempt  # the token is checked below: reading it reads the picture, and that must not reach the disk
@require_http_methods(["GET", "HEAD", "POST"])
def person_find(request: MemberRequest) -> HttpResponse:
    """The form, and for a picture whom its faces are like. 422 if it is none, 413 too large, 503 busy, 429 too many."""
    length = request.META.get("pictopy.dropped_bytes") or request.META.get("CONTENT_LENGTH") or 0
    if int(length) > limits.FACE_FORM_BYTES:
        return _page(request, error=_TOO_LARGE, status=413)
    request.upload_handlers = [InMemory(request)]
    return _person_find(request)


@csrf_protect
def _person_find(request: MemberRequest) -> HttpResponse:
    if request.method != "POST":
        return _page(request)
    sent = [file for field in ("picture", "taken") for file in request.FILES.getlist(field) if file.size]
    if not sent:
        return _page(request, error="Choose a picture first.", status=422)
    if (sent[0].size or 0) > limits.FACE_PICTURE_BYTES:
        return _page(request, error=_TOO_LARGE, status=413)
    try:
        find.take_turn(request.user)
        found = find.find(request.user, sent[0].read(), has_gone=request.META.get("pictopy.has_gone", lambda: False))
    except CannotFind as error:
        return _page(request, error=str(error), status=error.status)
    return _page(request, found=found, status=200 if found.faces else 422)


_TOO_LARGE = f"A picture may have at most {limits.FACE_PICTURE_BYTES // 10**6} MB. Send a smaller copy of it."


def _page(request: MemberRequest, *, found: Found | None = None, error: str = "", status: int = 200) -> HttpResponse:
    context = {
        "nav": "people",
        "found": found,
        "error": error,
        "waiting_for": find.waiting_for(),
        "most_bytes": limits.FACE_PICTURE_BYTES,
        "most_mb": limits.FACE_PICTURE_BYTES // 10**6,
    }
    response = render(request, "faces/person_find.html", context, status=status)
    if status == 503:
        response["Retry-After"] = "5"
    return response
