"""Albums: the list, the page of one, and making, changing, deleting and bringing one back."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from albums import access, queries, services, sets
from albums.forms import AlbumForm
from albums.views import MemberRequest
from gallery.queries import grid
from gallery.views import back_to, is_fragment, render_page


@require_safe
def album_list(request: MemberRequest) -> HttpResponse:
    """Albums that the viewer may see, the last changed first, and those of theirs that can be brought back."""
    page = queries.album_cards(request.user, after=request.GET.get("after"))
    context = {
        "nav": "albums",
        "cards": page.cards,
        "next_url": f"{reverse('albums:album_list')}?after={page.next_cursor}" if page.next_cursor else "",
        "is_first_page": "after" not in request.GET,
        "deleted": queries.deleted_albums(request.user),
    }
    return render(request, "albums/album_list.html", context)


@require_safe
def album_detail(request: MemberRequest, album_id: int) -> HttpResponse:
    """One album: what it is, and its photos as this viewer may see them."""
    album = access.get_album(request.user, album_id)
    after = request.GET.get("after")
    page = grid(request.user, sets.set_of(request.user, album), after=after, at=request.GET.get("at"))
    context: dict[str, object] = {"tiles": page.tiles, "next_url": page.next_url}
    if is_fragment(request):
        return render_page(request, "", "_tiles.html", context)
    context |= {
        "nav": "albums",
        "album": album,
        "owner_name": queries.name_of(album),
        "is_owner": album.owner_id == request.user.pk,
        "facts": queries.album_facts(request.user, album),
    }
    return render_page(request, "albums/album_detail.html", "", context)


@require_http_methods(["GET", "POST"])
def album_add(request: MemberRequest) -> HttpResponse:
    form = AlbumForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        album = services.create_album(request.user, **form.cleaned_data)
        return back_to(request, album.get_absolute_url())
    status = 422 if request.method == "POST" else 200
    return render(request, "albums/album_add.html", {"nav": "albums", "form": form}, status=status)


@require_http_methods(["GET", "POST"])
def album_edit(request: MemberRequest, album_id: int) -> HttpResponse:
    album = access.get_own_album(request.user, album_id)
    form = AlbumForm(request.POST or None, instance=album)
    if request.method == "POST" and form.is_valid():
        services.update_album(request.user, album_id, **form.cleaned_data)
        messages.success(request, "Saved.")
        return back_to(request, album.get_absolute_url())
    context = {"nav": "albums", "form": form, "album": access.get_own_album(request.user, album_id)}
    return render(request, "albums/album_edit.html", context, status=422 if request.method == "POST" else 200)


@require_http_methods(["GET", "POST"])
def album_delete(request: MemberRequest, album_id: int) -> HttpResponse:
    """Asks first. The photos stay where they are, and the album can be brought back from the list of albums."""
    album = access.get_own_album(request.user, album_id)
    if request.method == "POST":
        services.delete_album(request.user, album_id)
        messages.success(request, f"“{album.name}” was deleted. You can bring it back from the end of this page.")
        return back_to(request, reverse("albums:album_list"))
    facts = queries.album_facts(request.user, album)
    context = {"nav": "albums", "album": album, "facts": facts, "days": services.KEEP_DELETED.days}
    return render(request, "albums/album_delete.html", context)


@require_POST
def album_restore(request: MemberRequest, album_id: int) -> HttpResponse:
    album = services.restore_album(request.user, album_id)
    messages.success(request, f"“{album.name}” is back.")
    return back_to(request, album.get_absolute_url())
