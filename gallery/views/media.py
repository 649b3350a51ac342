"""Files of photos, through the same door as pages."""

from __future__ import annotations

from django.http import Http404, HttpResponseBase
from django.shortcuts import render
from django.views.decorators.http import require_safe

from gallery import media, photo_facts
from gallery.access import get_or_404, pictures_visible_to, visible_to
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
    """The original, with `?download=1` to be saved; a page that says so when the file is away."""
    photo = get_or_404(visible_to(request.user).select_related("library"), pk=photo_id)
    reason = "No file of this photo is there any more."
    for file in photo_facts.files_to_read(photo):
        try:
            return media.original(request, photo, file, is_download="download" in request.GET)
        except OriginalMissing as error:
            reason = str(error)
        except OSError:
            reason = "The disk answered with an error when the file was to be read."
    return render(request, "gallery/original_missing.html", {"photo": photo, "reason": reason}, status=404)
