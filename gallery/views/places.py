"""Places: countries and cities of photos, and towns to choose from."""

from __future__ import annotations

from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from gallery import place_list, places
from gallery.views import MemberRequest, render_page


@require_safe
def place_list_page(request: MemberRequest) -> HttpResponse:
    """All countries with a few cities each; with `country`, all cities of that one. Http404 if there are none."""
    only = request.GET.get("country", "")
    countries = place_list.countries(request.user, only)
    if only and not countries:
        raise Http404
    context = {
        "nav": "places",
        "only": only,
        "countries": countries,
        "town_count": sum(country.town_count for country in countries),
    }
    return render(request, "gallery/place_list.html", context)


@require_safe
def city_choices(request: MemberRequest) -> HttpResponse:
    """Towns of the world whose names begin with `where`, to choose one from: the same for everybody."""
    where = request.GET.get("where", "")[:200]
    is_position = places.read_position(where) is not None
    context = {
        "nav": "places",
        "where": where,
        "towns": [] if is_position else places.find(where),
        "is_asked": len(where.strip()) > 1 and not is_position,
    }
    return render_page(request, "gallery/city_choices.html", "gallery/_city_choices.html", context)
