"""Two people who are one: choosing whom, seeing both side by side, and merging them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from faces import access, alike, company, people, services
from faces.forms import NameForm
from faces.models import Person
from faces.views import MemberRequest, number, say
from gallery.views import SeeOther


@require_http_methods(["GET", "HEAD", "POST"])
def person_merge(request: MemberRequest, person_id: int) -> HttpResponse:
    """`with` is the other one. GET without it asks for a name, and shows who looks alike; POST merges, and keeps the
    name of `keep`."""
    if request.method == "POST":
        return _merge(request, person_id)
    person = access.get_person(request.user, person_id)
    other_id = number(request.GET.get("with"))
    form = NameForm(request.GET if "name" in request.GET else None)
    found: list[Person] = []
    if other_id is not None:
        found = [access.get_person(request.user, other_id)]
    elif form.is_valid():
        found = people.namesakes(request.user, form.cleaned_data["name"])
        if not (found := [other for other in found if other.pk != person.pk]):
            form.add_error("name", "There is nobody else of this name.")
    if any(other.pk == person.pk for other in found):
        raise Http404
    return _page(request, person, form, found, status=422 if form.errors else 200)


def _page(
    request: MemberRequest, person: Person, form: NameForm, found: list[Person], *, status: int = 200
) -> HttpResponse:
    cards = people.cards_of(request.user, [person, *found])
    context: dict[str, Any] = {
        "nav": "people",
        "person": person,
        "card": cards[0],
        "others": company.compared(request.user, person, cards[1:]) if found else [],
        "alike": [] if found else _alike(request, person),
        "form": form,
        "names": [name for name in people.person_names(request.user) if name != person.name],
    }
    return render(request, "faces/person_merge.html", context, status=status)


def _alike(request: MemberRequest, person: Person) -> list[people.PersonCard]:
    """Who looks like the person; each card leads to both side by side."""
    here = reverse("faces:person_merge", args=[person.pk])
    return [replace(card, url=f"{here}?with={card.id}") for card in alike.look_alikes(request.user, person)]


def _merge(request: MemberRequest, person_id: int) -> HttpResponse:
    ids = [person_id, number(request.POST.get("with")) or 0]
    one, other = (access.people_visible_to(request.user).filter(pk=pk).first() for pk in ids)
    if one is None or other is None or one.pk == other.pk:
        # Somebody may have merged them a moment ago: the page shows what is.
        for pk in ids:
            if now := access.survivor(request.user, pk):
                messages.info(request, f"That was merged already: here is {now.name}.")
                return SeeOther(now.get_absolute_url())
        raise Http404
    into, gone = (one, other) if request.POST.get("keep") == str(one.pk) else (other, one)
    try:
        merged = services.merge_people(into, [gone], request.user)
    except services.MergedBefore as error:
        messages.info(request, str(error))
        return SeeOther(access.get_person_now(request.user, into.pk).get_absolute_url())
    same = gone.name if gone.name != into.name else "The other one"
    say(request, " ".join([f"{same} is {into.name} now.", *merged.remarks]), merged.event)
    return SeeOther(into.get_absolute_url())
