"""Somebody who looks like two people: both halves side by side, and one half is said to be somebody else."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_safe

from faces import access, people, splitting
from faces.views import MemberRequest


@require_safe
def person_split(request: MemberRequest, person_id: int) -> HttpResponse:
    """The two halves of a person's faces; with `other=1` the larger one is ticked."""
    person = access.get_person(request.user, person_id)
    proposal = splitting.person_halves(request.user, person)
    return _page(request, proposal, name=person.name, person=person.pk, back=person.get_absolute_url())


@require_safe
def cluster_split(request: MemberRequest, cluster_id: int) -> HttpResponse:
    """The same for a suggestion."""
    cluster = access.get_cluster(request.user, cluster_id)
    proposal = splitting.cluster_halves(request.user, cluster)
    return _page(request, proposal, name="", person=None, back=reverse("faces:cluster_detail", args=[cluster.pk]))


def _page(
    request: MemberRequest, proposal: splitting.Proposal | None, *, name: str, person: int | None, back: str
) -> HttpResponse:
    is_large = request.GET.get("other") == "1"
    context: dict[str, Any] = {
        "nav": "people",
        "proposal": proposal,
        "name": name,
        "person_id": person,
        "back": back,
        "is_large": is_large,
        "names": people.person_names(request.user),
    }
    if proposal:
        large, small = proposal.large, proposal.small
        context |= {"stays": small if is_large else large, "goes": large if is_large else small}
    return render(request, "faces/split.html", context)
