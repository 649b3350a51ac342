"""Favourites: everyone has their own."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from gallery import photosets, queries, services
from gallery.access import get_or_404, visible_to
from gallery.views import MemberRequest, back_to, is_fragment, photo_ids, render_page


@require_safe
def favourite_list(request: MemberRequest) -> HttpResponse:
    photo_set = photosets.resolve(request.user, "favourites")
    grid = queries.grid(request.user, photo_set, after=request.GET.get("after"), at=request.GET.get("at"))
    context = {"nav": "favourites", "tiles": grid.tiles, "next_url": grid.next_url}
    return render_page(request, "gallery/favourite_list.html", "_tiles.html", context)


@require_POST
def favourite_add(request: MemberRequest) -> HttpResponse:
    """Marks the selected photos, those of them that the viewer may see."""
    ids = visible_to(request.user).filter(pk__in=photo_ids(request)).order_by().values_list("pk", flat=True)
    count = services.set_favourite(request.user, ids, is_favourite=True)
    messages.success(
        request, "Added to your favourites." if count == 1 else f"{count} photos added to your favourites."
    )
    return back_to(request, reverse("gallery:favourite_list"))


@require_POST
def photo_favourite(request: MemberRequest, photo_id: int) -> HttpResponse:
    """Sets the mark to `is_favourite` (1 or 0) of the form, so that a doubled request changes nothing."""
    photo = get_or_404(visible_to(request.user), pk=photo_id)
    is_favourite = request.POST.get("is_favourite") != "0"
    services.set_favourite(request.user, [photo.pk], is_favourite=is_favourite)
    if is_fragment(request):
        context = {"photo": photo, "is_favourite": is_favourite}
        return render(request, "gallery/_favourite_button.html", context)
    return back_to(request, photo.get_absolute_url())
