"""Suggestions: one group of faces that look alike, and giving it a name."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.cache import patch_vary_headers
from django.views.decorators.http import require_http_methods, require_safe

from faces import access, people, services, sets, suggestions
from faces.forms import NameClusterForm
from faces.models import Cluster
from faces.views import MemberRequest, say
from gallery import queries
from gallery.views import SeeOther, back_to, is_fragment, render_page


@require_safe
def cluster_detail(request: MemberRequest, cluster_id: int) -> HttpResponse:
    """The faces of a suggestion with boxes to untick, the question who it is, and the photos."""
    return _cluster_page(request, access.get_cluster(request.user, cluster_id), NameClusterForm())


@require_http_methods(["GET", "HEAD", "POST"])
def cluster_name(request: MemberRequest, cluster_id: int) -> HttpResponse:
    """Gives a suggestion a name. htmx gets the card of the person in the suggestion's place; 422 asks again.

    GET, which is what loading that page again may be, leads to the suggestion.
    """
    cluster = access.get_cluster(request.user, cluster_id)
    if request.method != "POST":
        return SeeOther(cluster.get_absolute_url())
    form = NameClusterForm(request.POST)
    asked: list[people.PersonCard] = []
    if form.is_valid():
        try:
            named = services.name_cluster(cluster, form.cleaned_data["name"], request.user, **form.choice())
        except services.SameName as error:
            asked = people.cards_of(request.user, error.people)
        except services.NothingToName as error:
            form.add_error("name", str(error))
        else:
            return _named(request, cluster, named)
    if is_fragment(request):
        cards = suggestions.cards_of(request.user, [cluster.pk])
        context = {"card": cards[0] if cards else None, "form": form, "asked": asked}
        response = render(request, "faces/_suggestion_card.html", context, status=422)
        patch_vary_headers(response, ["HX-Request"])
        return response
    return _cluster_page(request, cluster, form, asked=asked, status=422)


def _named(request: MemberRequest, cluster: Cluster, named: services.Named) -> HttpResponse:
    faces = "One face is" if named.confirmed == 1 else f"{named.confirmed} faces are"
    say(request, " ".join([f"{faces} {named.person.name} now.", *named.remarks]), named.event)
    if is_fragment(request):
        (card,) = people.cards_of(request.user, [named.person])
        response = render(request, "faces/_named_card.html", {"card": card, "left": named.left, "cluster": cluster})
        response["HX-Trigger-After-Settle"] = "pictopy:named"
        patch_vary_headers(response, ["HX-Request"])
        return response
    return back_to(request, reverse("faces:person_list"))


def _cluster_page(
    request: MemberRequest,
    cluster: Cluster,
    form: NameClusterForm,
    *,
    asked: list[people.PersonCard] | None = None,
    status: int = 200,
) -> HttpResponse:
    photo_set = sets.suggestion_set(request.user, cluster)
    grid = queries.grid(request.user, photo_set, after=request.GET.get("after"), at=request.GET.get("at"))
    context: dict[str, Any] = {"tiles": grid.tiles, "next_url": grid.next_url}
    if is_fragment(request):
        return render_page(request, "", "_tiles.html", context)
    faces = suggestions.suggestion_faces(request.user, cluster)
    count = suggestions.face_count(request.user, cluster)
    context |= {
        "nav": "people",
        "cluster": cluster,
        "faces": faces,
        "count": count,
        "unshown": count - len(faces),
        "left_out": form.leave_out() if form.is_bound else set(),
        "form": form,
        "asked": asked or [],
        "names": people.person_names(request.user),
    }
    return render_page(request, "faces/cluster_detail.html", "", context, status=status)
