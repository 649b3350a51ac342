"""Files of photos, through the same door as pages."""

from __future__ import annotations

from django.http import Http404, HttpResponseBase
from django.shortcuts import render
from django.views.decorators.http import require_safe

from gallery import media, photo_files, playing, renditions
from gallery.access import get_or_404, pictures_visible_to, visible_to
from gallery.models import File, Photo
from gallery.originals import OriginalMissing
from gallery.views import MemberRequest


@require_safe
def photo_thumbnail(request: MemberRequest, photo_id: int, size: str, digest: str) -> HttpResponseBase:
    """A thumbnail of exactly this content: an address with another content's digest is not there."""
    photo = get_or_404(pictures_visible_to(request.user).only("id", "digest"), pk=photo_id, digest__startswith=digest)
    response = media.thumbnail(request, photo, size)
    if response is None:
        raise Http404
    return response


@require_safe
def photo_original(request: MemberRequest, photo_id: int) -> HttpResponseBase:
    """The original, with `?download=1` to be saved, and `?file=<id>` for one of several files; a page that says so
    when the file is away."""
    photo = get_or_404(playing.with_parts(visible_to(request.user)), pk=photo_id)
    wanted = request.GET.get("file")
    files = photo_files.to_read(photo, wanted)
    if wanted is not None and not files:
        raise Http404
    reason = "No file of this photo is there any more."
    for file in files:
        content = photo if file.photo_id == photo.pk else file.photo
        try:
            return media.original(request, content, file, is_download="download" in request.GET)
        except OriginalMissing as error:
            reason = str(error)
        except OSError:
            reason = "The disk answered with an error when the file was to be read."
    return _missing(request, photo, reason)


@require_safe
def photo_film(request: MemberRequest, photo_id: int, digest: str) -> HttpResponseBase:
    """The copy of a film of exactly this content that every browser plays."""
    photo = get_or_404(visible_to(request.user).only("id", "digest"), pk=photo_id, digest__startswith=digest)
    response = media.film(request, photo)
    if response is None:
        raise Http404
    return response


@require_safe
def photo_motion(request: MemberRequest, photo_id: int) -> HttpResponseBase:
    """The moving part of a live or motion photo; a page that says so when its file is away."""
    photo = get_or_404(playing.with_parts(visible_to(request.user)), pk=photo_id)
    if photo.kind == Photo.Kind.VIDEO:
        raise Http404
    reason = "The moving part of this photo is not there any more."
    sources = list(playing.motion_sources(photo))
    for source in sources:
        has_copy = renditions.is_ready(source.rendition, source.photo)
        try:
            return media.motion(
                request, source.photo, source.file, has_copy=has_copy, is_playable=source.rendition is None
            )
        except OriginalMissing as error:
            reason = str(error)
        except OSError:
            reason = "The disk answered with an error when the file was to be read."
    if not sources and not any(file.role == File.Role.MOTION for file in photo.parts.all()):
        raise Http404
    return _missing(request, photo, reason)


def _missing(request: MemberRequest, photo: Photo, reason: str) -> HttpResponseBase:
    return render(request, "gallery/original_missing.html", {"photo": photo, "reason": reason}, status=404)
