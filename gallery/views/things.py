"""Things: what was recognized in photos."""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from gallery import analysis, photosets, queries, things
from gallery.views import MemberRequest, render_page


@require_safe
def thing_list(request: MemberRequest) -> HttpResponse:
    found = things.things(request.user)
    objects = [analyzer for analyzer in analysis.analyzers() if analyzer.name == "objects"]
    waiting = [] if found else [text for analyzer in objects if (text := analyzer.waiting_for())]
    context = {"nav": "things", "things": found, "waiting": waiting}
    return render(request, "gallery/thing_list.html", context)


@require_safe
def thing_detail(request: MemberRequest, slug: str) -> HttpResponse:
    photo_set = photosets.resolve(request.user, f"thing:{slug}")
    grid = queries.grid(request.user, photo_set, after=request.GET.get("after"), at=request.GET.get("at"))
    context = {"nav": "things", "photo_set": photo_set, "tiles": grid.tiles, "next_url": grid.next_url}
    return render_page(request, "gallery/thing_detail.html", "_tiles.html", context)
