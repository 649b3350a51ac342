"""Search: one form, one grid."""

from __future__ import annotations

from django.http import HttpResponse
from django.views.decorators.http import require_safe

from gallery import place_list, queries, search_set, things
from gallery.search import COMPANY, Reader, filters
from gallery.views import MemberRequest, is_fragment, render_page


@require_safe
def search(request: MemberRequest) -> HttpResponse:
    people = search_set.known_names(request.user, "person")
    labels = things.label_names(request.user)
    reader = Reader(people=people, labels=labels, places=place_list.names(request.user))
    query = search_set.read(request.GET, reader)
    photo_set = search_set.photo_set(request.user, query)
    grid, total = queries.Grid([], None), 0
    if query:
        grid = queries.grid(request.user, photo_set, after=request.GET.get("after"), at=request.GET.get("at"))
        is_all = grid.next_url is None and "after" not in request.GET
        # Counting looks at every photo: not when all are here, nor for a page that goes below others.
        total = len(grid.tiles) if is_all or is_fragment(request) else queries.count(photo_set)
    context = {
        "nav": "search",
        "query": query,
        "form": reader.form(request.GET.get("q", ""), query),
        "filters": filters(query),
        "people": people,
        "companies": [("", "anyone"), *COMPANY.items()],
        "labels": labels,
        "places": place_list.titles(request.user),
        "tiles": grid.tiles,
        "next_url": grid.next_url,
        "total": total,
    }
    return render_page(request, "gallery/search.html", "_tiles.html", context)
