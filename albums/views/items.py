"""Photos of albums: choosing an album for them, adding, removing, moving, and the cover."""

from __future__ import annotations

from urllib.parse import urlencode

from django.contrib import messages
from django.http import HttpResponse, HttpResponseBadRequest
from django.shortcuts import render
from django.urls import reverse
from django.utils.html import format_html
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.safestring import SafeString
from django.views.decorators.http import require_http_methods, require_POST

from albums import access, queries, services
from albums.forms import ChooseAlbumForm
from albums.models import Album
from albums.views import MemberRequest
from gallery.views import back_to, is_fragment, photo_ids, render_page

# The event that tells the grid to clear its selection (static/js/photo-grid.js).
PHOTOS_ADDED = "photos:added"


def _photos(count: int) -> str:
    return f"{count:,} {'photo' if count == 1 else 'photos'}"


@require_http_methods(["GET", "POST"])
def album_chooser(request: MemberRequest) -> HttpResponse:
    """Fields to choose an album: a fragment for the selection bar, or a page that keeps the photos that were posted."""
    wanted = services.visible_photo_ids(request.user, photo_ids(request))
    typed = {name: request.POST.get(name, "") for name in ("album", "new")}
    return _chooser(request, ChooseAlbumForm(request.user, initial=typed), wanted)


def _chooser(request: MemberRequest, form: ChooseAlbumForm, wanted: list[int], status: int = 200) -> HttpResponse:
    target = request.POST.get("next", "")
    back_url = target if url_has_allowed_host_and_scheme(target, allowed_hosts=None) else ""
    context = {"nav": "albums", "form": form, "photo_ids": wanted, "back_url": back_url}
    return render_page(request, "albums/album_chooser.html", "albums/_album_chooser.html", context, status=status)


@require_POST
def item_add(request: MemberRequest) -> HttpResponse:
    """Adds the posted photos to one of the viewer's albums, or to a new one; 422 with the fields when there is none."""
    form = ChooseAlbumForm(request.user, request.POST)
    wanted = services.visible_photo_ids(request.user, photo_ids(request))
    if form.is_valid() and not wanted:
        form.add_error(None, "Choose photos first: none of these is there any more.")
    if not form.is_valid():
        return _chooser(request, form, wanted, status=422)
    if form.cleaned_data["new"]:
        added = services.create_with_photos(request.user, name=form.cleaned_data["new"], photo_ids=wanted)
    else:
        added = services.add_photos(request.user, form.cleaned_data["album"].pk, photo_ids=wanted)
    messages.success(request, _said(added))
    if is_fragment(request):
        response = render(request, "albums/_album_chooser.html")
        # Only after the swap: the grid empties the bar, and htmx needs the form that asked until then.
        response["HX-Trigger-After-Settle"] = PHOTOS_ADDED
        return response
    return back_to(request, added.album.get_absolute_url())


def _said(added: services.Added) -> SafeString:
    """For example: 12 photos added to Summer. 2 were there already."""
    link = format_html('<a href="{}">{}</a>', added.album.get_absolute_url(), added.album.name)
    if not added.added:
        there = "It was" if added.already_there == 1 else "They were all"
        return format_html("{} in {} already.", there, link)
    there = f" {added.already_there:,} {'was' if added.already_there == 1 else 'were'} there already."
    return format_html("{} added to {}.{}", _photos(added.added), link, there if added.already_there else "")


@require_POST
def item_remove(request: MemberRequest, album_id: int) -> HttpResponse:
    """Takes the posted photos out of the album. They stay in the library."""
    album = access.get_own_album(request.user, album_id)
    removed = services.remove_photos(request.user, album_id, photo_ids=photo_ids(request))
    if removed:
        messages.success(request, f"{_photos(removed)} taken out of “{album.name}”.")
    else:
        messages.error(request, "Choose photos to take out of the album.")
    return back_to(request, album.get_absolute_url())


@require_POST
def album_cover(request: MemberRequest, album_id: int) -> HttpResponse:
    """Makes the posted photo the cover; of several, the first."""
    album = access.get_own_album(request.user, album_id)
    ids = photo_ids(request)
    if ids:
        services.set_cover(request.user, album_id, photo_id=ids[0])
        messages.success(request, "The album has a new cover.")
    else:
        messages.error(request, "Choose the photo that is to be the cover.")
    return back_to(request, album.get_absolute_url())


@require_http_methods(["GET", "POST"])
def item_move(request: MemberRequest, album_id: int) -> HttpResponse:
    """The page for arranging an album in one's own order; a POST moves one photo."""
    album = access.get_own_album(request.user, album_id)
    move_url = reverse("albums:item_move", args=[album_id])
    after = request.POST.get("after") or request.GET.get("after") or ""
    moved: int | None = None
    if request.method == "POST" and request.POST.get("order") == Album.Order.MANUAL:
        services.use_own_order(request.user, album_id)
        return back_to(request, move_url)
    if request.method == "POST":
        ids = photo_ids(request)
        if len(ids) != 1:
            return HttpResponseBadRequest("one photo at a time")
        try:
            services.move_photo(request.user, album_id, photo_id=ids[0], to=request.POST.get("to", ""))
        except ValueError:
            return HttpResponseBadRequest("nowhere to move to")
        except services.NotInOwnOrder:
            messages.error(request, "This album is ordered by date: use your own order to move photos.")
            return back_to(request, move_url)
        moved = ids[0]
        if not is_fragment(request):
            query = f"?{urlencode({'after': after})}" if after else ""
            return back_to(request, f"{move_url}{query}#photo-{moved}")
    arrangement = None
    if album.order == Album.Order.MANUAL:
        arrangement = queries.arrangement(request.user, album, after=after, moved=moved)
    context = {
        "nav": "albums",
        "album": album,
        "moved": moved,
        "arrangement": arrangement,
    }
    return render_page(request, "albums/item_move.html", "albums/_album_order.html", context)
