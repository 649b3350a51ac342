"""The trash: putting photos there, bringing them back, deleting uploads for good."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.middleware.csrf import get_token
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.views.decorators.http import require_POST, require_safe

from gallery import queries, trash
from gallery.access import get_or_404, libraries_editable_by
from gallery.models import Library
from gallery.views import MemberRequest, back_to, moment, photo_ids, render_page

# So many are shown on the page that asks.
SHOWN = 12


@require_safe
def trash_list(request: MemberRequest) -> HttpResponse:
    """What lies in the trash of one library, `?library=`, else of the one that was used last."""
    found = trash.libraries(request.user)
    wanted = request.GET.get("library", "")
    chosen = next((entry for entry in found if str(entry.library.pk) == wanted), None)
    if chosen is None and wanted:
        library = get_or_404(libraries_editable_by(request.user), pk=wanted)
        chosen = trash.TrashedLibrary(library, 0, timezone.now(), 0)
    chosen = chosen or (found[0] if found else None)
    grid = _grid(request, chosen.library) if chosen else queries.Grid([], None)
    context = {
        "nav": "trash",
        "libraries": found,
        "chosen": chosen,
        "tiles": grid.tiles,
        "next_url": grid.next_url,
        "now": timezone.now().isoformat(),
    }
    return render_page(request, "gallery/trash_list.html", "_tiles.html", context)


def _grid(request: MemberRequest, library: Library) -> queries.Grid:
    """Its photos, each a link to its large picture: their pages are not there any more."""
    photo_set = trash.photo_set(request.user, library, f"{reverse('gallery:trash_list')}?library={library.pk}")
    grid = queries.grid(request.user, photo_set, after=request.GET.get("after"))
    return replace(grid, tiles=[replace(tile, url=tile.src.replace("small-", "large-")) for tile in grid.tiles])


@require_POST
def trash_add(request: MemberRequest) -> HttpResponse:
    """Puts the posted photos into the trash, or hides them; a toast takes it back. Http404 if there is none to move."""
    ids = photo_ids(request)
    moved = trash.move(request.user, ids)
    if ids and not moved.count:
        raise Http404
    if not ids:
        messages.error(request, "Choose photos first.")
        return back_to(request, reverse("gallery:timeline"))
    text = _moved(moved)
    if moved.count < len(set(ids)):
        text += f" {len(set(ids)) - moved.count:,} stayed: you may not remove them."
    messages.success(
        request,
        format_html(
            '{} <form class="toast-undo" method="post" action="{}"><input type="hidden" name="csrfmiddlewaretoken" '
            'value="{}"><input type="hidden" name="at" value="{}"><input type="hidden" name="next" value="{}">'
            "<button>Undo</button></form>",
            text,
            reverse("gallery:trash_restore"),
            get_token(request),
            moved.at.isoformat(),
            request.POST.get("undo_next") or request.POST.get("next", ""),
        ),
    )
    return back_to(request, reverse("gallery:timeline"))


def _moved(moved: trash.Moved) -> str:
    parts = []
    if moved.trashed:
        parts.append(f"{_photos(moved.trashed)} moved to the trash.")
    if moved.hidden:
        parts.append(f"{_photos(moved.hidden)} hidden from PictoPy. No file was touched.")
    return " ".join(parts)


@require_POST
def trash_restore(request: MemberRequest) -> HttpResponse:
    """Brings back the posted photos, all of a `library`, or what the viewer moved `at` a moment."""
    if "at" in request.POST:
        count = trash.undo(request.user, _moment(request.POST["at"]))
    elif "library" in request.POST:
        library = get_or_404(libraries_editable_by(request.user), pk=request.POST["library"])
        count = trash.restore_all(request.user, library)
    else:
        ids = photo_ids(request)
        count = trash.restore(request.user, ids)
        if ids and not count:
            raise Http404
    if count:
        messages.success(request, f"{_photos(count)} brought back.")
    else:
        messages.error(request, "There was nothing to bring back.")
    return back_to(request, reverse("gallery:trash_list"))


@require_POST
def trash_delete(request: MemberRequest) -> HttpResponse:
    """Deletes the posted photos for good, or all that lay in the trash of a `library` at a moment `until`.

    Without `confirm` it asks first: how many, and that files go.
    """
    until = None
    if "library" in request.POST:
        library = get_or_404(libraries_editable_by(request.user), pk=request.POST["library"])
        until = _moment(request.POST.get("until", ""))
        rows = trash.all_for_good(request.user, library, until)
        count, ids, shown = rows.count(), [], list(rows.order_by("-trashed_at", "-id")[:SHOWN])
    else:
        ids = trash.for_good(request.user, photo_ids(request))
        if photo_ids(request) and not ids:
            raise Http404
        library, count = None, len(ids)
        shown = trash.rows(request.user, ids[:SHOWN])
    if request.POST.get("confirm") and count:
        deleted = trash.delete(request.user, rows if library else ids)
        messages.success(
            request, f"{_photos(deleted)} are being deleted for good.".replace("1 photo are", "1 photo is")
        )
        return back_to(request, reverse("gallery:trash_list"))
    context = {
        "nav": "trash",
        "count": count,
        "photo_ids": ids,
        "library": library,
        "until": until.isoformat() if until else "",
        "tiles": queries.tiles(request.user, shown),
    }
    return render(request, "gallery/trash_delete.html", context)


def _moment(text: str) -> dt.datetime:
    """A moment that one of our own forms carries. Http404 for what is none."""
    if (found := moment(text)) is None:
        raise Http404
    return found


def _photos(count: int) -> str:
    return f"{count:,} {'photo' if count == 1 else 'photos'}"
