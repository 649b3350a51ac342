"""The page of one photo, within the set it was opened in."""

from __future__ import annotations

from urllib.parse import urlencode

from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.template.loader import render_to_string
from django.urls import reverse
from django.views.decorators.http import require_safe

from gallery import access, alt_text, photo_facts, photo_files, photo_panels, photosets, playing, queries
from gallery.access import get_or_404, visible_to
from gallery.models import Photo
from gallery.photosets import PhotoSet
from gallery.views import MemberRequest, is_fragment, render_page


@require_safe
def photo_detail(request: MemberRequest, photo_id: int) -> HttpResponse:
    photo = photo_facts.get_photo(request.user, photo_id)
    photo_set = _photo_set(request)
    previous, following = _neighbours(photo_set, photo)
    panels = photo_panels.panels(request.user, photo)
    boxes = [*photo_facts.object_boxes(photo), *(box for panel in panels for box in panel.boxes)]
    context = {
        "photo": photo,
        "is_fragment": is_fragment(request),
        "photo_set": photo_set,
        "previous": _step(photo_set, previous),
        "following": _step(photo_set, following),
        "close_url": _close_url(photo_set, photo),
        "alt": alt_text.describe([photo], request.user)[photo.pk],
        "srcset": queries.srcset(photo),
        "small_url": queries.thumbnail_url(photo, "small"),
        "is_favourite": photo.pk in queries.favourite_ids(request.user, [photo.pk]),
        "when": photo_facts.when(photo),
        "exposure": photo_facts.exposure(photo),
        "size": photo_facts.size(photo),
        "where": photo_facts.where(photo),
        "is_editable": access.may_edit(request.user, photo),
        "labels": photo_facts.labels(photo),
        "keywords": photo_facts.keywords(photo),
        "files": photo_files.lines(photo),
        **_moving(photo),
        "work_done": photo_facts.work_done(photo),
        "panels": [
            render_to_string(panel.template, {"photo": photo, "photo_set": photo_set, **panel.context}, request)
            for panel in panels
            if panel.template
        ],
        "stylesheets": photo_panels.stylesheets(),
        "boxes": photo_facts.overlay(photo, boxes),
        "box_text_px": max(photo.width or 1, photo.height or 1) // 50,
    }
    return render_page(request, "gallery/photo_detail.html", "gallery/_photo_viewer.html", context)


@require_safe
def photo_film(request: MemberRequest, photo_id: int) -> HttpResponse:
    """The film on its page, or how far the copy for browsers is: the page asks for it until it is there."""
    photo = get_or_404(playing.with_parts(visible_to(request.user)), pk=photo_id, kind=Photo.Kind.VIDEO)
    if not is_fragment(request):
        return redirect(photo)
    return render(request, "gallery/_photo_film.html", {"photo": photo, **_moving(photo)})


def _moving(photo: Photo) -> dict[str, object]:
    return {
        "film": playing.film(photo),
        "motion": playing.motion(photo),
        "is_animated": playing.plays_as_picture(photo),
        "large_url": queries.thumbnail_url(photo, "large"),
    }


def _photo_set(request: MemberRequest) -> PhotoSet:
    """The set of the address; the timeline when it is unknown or not for this viewer: the photo may still be seen."""
    try:
        return photosets.resolve(request.user, request.GET.get("in") or "timeline")
    except Http404:
        return photosets.resolve(request.user, "timeline")


def _neighbours(photo_set: PhotoSet, photo: Photo) -> tuple[Photo | None, Photo | None]:
    """Neighbours, former ones when the photo is not in the set any more (it was a favourite a moment ago)."""
    try:
        return photosets.neighbours(photo_set, photo)
    except Http404:
        return photosets.former_neighbours(photo_set, photo)


def _step(photo_set: PhotoSet, photo: Photo | None) -> dict[str, str] | None:
    """The link to a neighbour, and its picture to be fetched ahead."""
    if photo is None:
        return None
    url = reverse("gallery:photo_detail", args=[photo.pk]) + queries.set_suffix(photo_set.name)
    return {"url": url, "srcset": queries.srcset(photo), "src": queries.thumbnail_url(photo, "large")}


def _close_url(photo_set: PhotoSet, photo: Photo) -> str:
    glue = "&" if "?" in photo_set.url else "?"
    return f"{photo_set.url}{glue}{urlencode({'at': photo.pk})}#p{photo.pk}"
