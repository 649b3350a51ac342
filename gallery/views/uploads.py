"""Uploads: the page, and the tus protocol 1.0.0 with its extensions creation and termination (docs/uploads.md)."""

from __future__ import annotations

import base64
import binascii
import datetime as dt
from collections.abc import Callable
from functools import wraps

from django.contrib import messages
from django.core.files.uploadhandler import MemoryFileUploadHandler, TemporaryFileUploadHandler
from django.http import Http404, HttpResponse, JsonResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.csrf import csrf_exempt, csrf_protect
from django.views.decorators.http import require_http_methods, require_POST

from gallery import destinations, limits, plain_uploads, scan, uploads
from gallery.access import get_or_404, libraries_uploadable_by, uploads_of
from gallery.libraries import may_add
from gallery.models import Upload
from gallery.uploads import Announced, NotTaken
from gallery.views import MemberRequest, SeeOther

VERSION = "1.0.0"
CONTENT_TYPE = "application/offset+octet-stream"
# So many contents can be asked for at once.
MAX_CHECKED = 1000
# The choice of an album that is called like the folder.
BY_FOLDER = "folder"

View = Callable[..., HttpResponse]


def tus(view: View) -> View:
    """Speaks the protocol: checks its version, and answers what is not taken with its status and a sentence."""

    @wraps(view)
    def speaking(request: MemberRequest, *args: object, **kwargs: object) -> HttpResponse:
        if request.method != "OPTIONS" and request.headers.get("Tus-Resumable") != VERSION:
            response = _said(412, "This address speaks tus 1.0.0.")
            response["Tus-Version"] = VERSION
        else:
            try:
                response = view(request, *args, **kwargs)
            except NotTaken as refusal:
                response = _said(refusal.status, str(refusal))
        response["Tus-Resumable"] = VERSION
        response["Cache-Control"] = "no-store"
        return response

    return speaking


@require_http_methods(["GET", "HEAD", "POST", "OPTIONS"])
def upload_list(request: MemberRequest) -> HttpResponse:
    """The page to send photos from; POST opens an upload, OPTIONS tells what is understood."""
    if request.method == "POST":
        return _upload_add(request)
    if request.method == "OPTIONS":
        return _upload_options(request)
    targets = uploads.targets(request.user)
    context = {
        "nav": "uploads",
        "targets": targets,
        "chosen": request.GET.get("library", ""),
        "unfinished": uploads.unfinished(request.user),
        "albums": destinations.choices(request.user),
        "accept": ",".join(["image/*", *(f".{name}" for name in sorted(scan.EXTENSIONS))]),
        "chunk_bytes": limits.CHUNK_BYTES,
        "form_mb": limits.FORM_BYTES // 10**6,
        "may_add": may_add(request.user),
    }
    return render(request, "gallery/upload_list.html", context)


@tus
def _upload_options(request: MemberRequest) -> HttpResponse:
    response = HttpResponse(status=204)
    response["Tus-Version"] = VERSION
    response["Tus-Extension"] = "creation,termination"
    response["Tus-Max-Size"] = str(uploads.MAX_BYTES)
    return response


@tus
def _upload_add(request: MemberRequest) -> HttpResponse:
    """Creation (tus): the length in Upload-Length, the rest in Upload-Metadata."""
    told = _metadata(request.headers.get("Upload-Metadata", ""))
    library = get_or_404(libraries_uploadable_by(request.user), pk=told.get("library", ""))
    said = Announced(
        name=told.get("filename", ""),
        size_bytes=_number(request.headers.get("Upload-Length")),
        digest=told.get("sha256", "").lower(),
        modified_at=_moment(told.get("lastModified", "")),
        album=_album(request, told.get("album", ""), told.get("folder", "")),
    )
    upload = uploads.begin(request.user, library, said)
    response = HttpResponse(status=201)
    response["Location"] = reverse("gallery:upload_detail", args=[upload.pk])
    return response


@require_http_methods(["GET", "HEAD", "PATCH", "DELETE"])
def upload_detail(request: MemberRequest, upload_id: str) -> HttpResponse:
    """One upload of the viewer's own: HEAD, PATCH and DELETE as tus has them; GET tells its state as JSON."""
    upload = _own(request, upload_id)
    if request.method == "GET":
        return _state(upload)
    return _spoken(request, upload)


@tus
def _spoken(request: MemberRequest, upload: Upload) -> HttpResponse:
    if request.method == "PATCH":
        return _patch(request, upload)
    if request.method == "DELETE":
        uploads.cancel(upload)
        return HttpResponse(status=204)
    if upload.outcome == Upload.Outcome.REFUSED:
        return HttpResponse(status=410)
    response = HttpResponse(status=200)
    response["Upload-Offset"] = str(uploads.offset(upload))
    response["Upload-Length"] = str(upload.size_bytes)
    return response


def _patch(request: MemberRequest, upload: Upload) -> HttpResponse:
    if request.headers.get("Content-Type") != CONTENT_TYPE:
        raise NotTaken(415, f"Chunks are sent as {CONTENT_TYPE}.")
    offset = _number(request.headers.get("Upload-Offset"))
    if offset < 0:
        raise NotTaken(400, "Upload-Offset is no number.")
    data = request.read(limits.CHUNK_BYTES + 1)
    if len(data) > limits.CHUNK_BYTES:
        raise NotTaken(413, f"A chunk has at most {limits.CHUNK_BYTES:,} bytes.")
    upload = uploads.receive(upload, offset, data)
    response = HttpResponse(status=204)
    response["Upload-Offset"] = str(upload.received_bytes)
    if upload.outcome:
        response["Pictopy-Outcome"] = upload.outcome
    return response


def _state(upload: Upload) -> HttpResponse:
    """Where the upload stands; asks to store what arrived whole."""
    error = upload.error
    try:
        upload = uploads.settle(upload)
    except NotTaken as refusal:
        error = str(refusal)
    state = {
        "offset": upload.received_bytes,
        "size": upload.size_bytes,
        "outcome": upload.outcome,
        "error": error,
        "photo": upload.photo_id,
    }
    return JsonResponse(state, headers={"Cache-Control": "no-store"})


@require_POST
def upload_check(request: MemberRequest) -> HttpResponse:
    """Which of the posted contents (`sha256`) the library has, and which of them are on their way from this viewer.

    With `album`, the photos that are there already go into it, as they would if they were sent.
    """
    library = get_or_404(libraries_uploadable_by(request.user), pk=request.POST.get("library", ""))
    digests = request.POST.getlist("sha256")[:MAX_CHECKED]
    found = uploads.find(library, digests)
    word = _album(request, request.POST.get("album", ""), request.POST.get("folder", ""))
    if word:
        uploads.put_found(request.user, word, found.values())
    state = {
        "here": {
            digest: {"photo": photo.pk, "trashed": photo.trashed_at is not None} for digest, photo in found.items()
        },
        "open": {
            upload.digest: reverse("gallery:upload_detail", args=[upload.pk])
            for upload in uploads.unfinished(request.user, library)
            if upload.digest in digests
        },
    }
    return JsonResponse(state)


@csrf_exempt  # the token is checked below: reading it reads the files, and these need their own handlers first
@require_POST
def upload_form(request: MemberRequest) -> HttpResponse:
    """Files from a browser without scripts, in one form."""
    if int(request.META.get("CONTENT_LENGTH") or 0) > limits.FORM_BYTES:
        return _said(413, f"At most {limits.FORM_BYTES // 10**6} MB can be sent at once.")
    request.upload_handlers = [MemoryFileUploadHandler(request), TemporaryFileUploadHandler(request)]
    return _upload_form(request)


@csrf_protect
def _upload_form(request: MemberRequest) -> HttpResponse:
    library = get_or_404(libraries_uploadable_by(request.user), pk=request.POST.get("library", ""))
    album = _album(request, request.POST.get("album", ""), "")
    result = plain_uploads.take(request.user, library, request.FILES.getlist("files"), album)
    for text in result.errors:
        messages.error(request, text)
    if result.text:
        messages.success(request, result.text)
    return SeeOther(f"{reverse('gallery:upload_list')}?library={library.pk}")


@require_POST
def upload_cancel(request: MemberRequest, upload_id: str) -> HttpResponse:
    """Forgets an upload that was not finished: the button without scripts."""
    upload = _own(request, upload_id)
    try:
        uploads.cancel(upload)
    except NotTaken as refusal:
        messages.error(request, str(refusal))
    else:
        messages.success(request, f"“{upload.name}” is not being uploaded any more.")
    return SeeOther(f"{reverse('gallery:upload_list')}?library={upload.library_id}")


def _own(request: MemberRequest, upload_id: str) -> Upload:
    return get_or_404(uploads_of(request.user).select_related("library"), pk=upload_id)


def _album(request: MemberRequest, choice: str, folder: str) -> str:
    """The word for a chosen destination. Http404 for one that the viewer may not choose."""
    if choice == BY_FOLDER:
        return destinations.named(folder.strip())
    if choice and choice not in dict(destinations.choices(request.user)):
        raise Http404
    return choice


def _metadata(header: str) -> dict[str, str]:
    """Upload-Metadata: names and base64 of UTF-8 behind commas. Raises NotTaken."""
    told = {}
    for pair in filter(None, header.split(",")):
        name, _, value = pair.strip().partition(" ")
        try:
            told[name] = base64.b64decode(value, validate=True).decode()
        except (binascii.Error, UnicodeDecodeError):
            raise NotTaken(400, "Upload-Metadata cannot be read.") from None
    return told


def _number(text: str | None) -> int:
    """A length or offset; -1 if it is none."""
    return int(text) if text and text.isascii() and text.isdecimal() and len(text) < 19 else -1


def _moment(text: str) -> dt.datetime | None:
    """Milliseconds since 1970, as `File.lastModified` gives them; None for nonsense."""
    try:
        return dt.datetime.fromtimestamp(int(text[:20]) / 1000, dt.UTC)
    except (ValueError, OverflowError, OSError):
        return None


def _said(status: int, text: str) -> HttpResponse:
    return HttpResponse(text, status=status, content_type="text/plain; charset=utf-8")
