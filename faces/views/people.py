"""People: the list, one person, and what is decided about them."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from faces import access, company, people, revisions, services, sets, suggestions, undo, years
from faces.analyzer import FacesAnalyzer
from faces.forms import NameForm
from faces.models import Person
from faces.views import MemberRequest, back_from, number, say
from gallery import queries
from gallery.views import back_to, is_fragment, render_page


@require_safe
def person_list(request: MemberRequest) -> HttpResponse:
    """People by name, and suggestions by size. `after` and `suggestions` say where a further page begins."""
    hidden = "hidden" in request.GET
    more_people, more_suggestions = request.GET.get("after"), request.GET.get("suggestions")
    context: dict[str, Any] = {
        "nav": "people",
        "hidden": hidden,
        "has_hidden": people.has_hidden(request.user),
        "is_first_page": not (more_people or more_suggestions),
        "is_comparing": revisions.is_pending(),
    }
    if not more_suggestions:
        context["people"] = people.person_cards(request.user, hidden=hidden, after=number(more_people))
    if not (hidden or more_people):
        context["suggestions"] = suggestions.suggestion_cards(request.user, after=more_suggestions)
        context["names"] = people.person_names(request.user)
    if not (context.get("people") and context["people"].cards) and not (
        context.get("suggestions") and context["suggestions"].cards
    ):
        context["waiting_for"] = FacesAnalyzer().waiting_for()
        context["has_libraries"] = queries.has_libraries(request.user)
    return render(request, "faces/person_list.html", context)


@require_safe
def person_detail(request: MemberRequest, person_id: int) -> HttpResponse:
    """One person: the faces that belong to them, and their photos."""
    person = access.get_person(request.user, person_id)
    return _person_page(request, person, NameForm({"name": person.name}))


def _person_page(request: MemberRequest, person: Person, form: NameForm, *, status: int = 200) -> HttpResponse:
    photo_set = sets.person_set(request.user, person)
    grid = queries.grid(request.user, photo_set, after=request.GET.get("after"), at=request.GET.get("at"))
    context: dict[str, Any] = {"tiles": grid.tiles, "next_url": grid.next_url}
    if is_fragment(request):
        return render_page(request, "", "_tiles.html", context)
    (card,) = people.cards_of(request.user, [person])
    strip = people.person_faces(request.user, person, size=people.FACES_IN_STRIP)
    context |= {"nav": "people", "person": person, "card": card, "strip": strip, "form": form}
    context |= {
        "together": company.together(request.user, person),
        "years": years.over_the_years(request.user, person),
    }
    return render_page(request, "faces/person_detail.html", "", context, status=status)


@require_safe
def person_faces(request: MemberRequest, person_id: int) -> HttpResponse:
    """All faces of a person, page by page; those that are guesses come first."""
    person = access.get_person(request.user, person_id)
    strip = people.person_faces(request.user, person, after=request.GET.get("after"))
    context = {
        "nav": "people",
        "person": person,
        "strip": strip,
        "is_first_page": "after" not in request.GET,
    }
    return render(request, "faces/person_faces.html", context)


@require_POST
def person_rename(request: MemberRequest, person_id: int) -> HttpResponse:
    """Another name; one that somebody has already is only taken when the form says that it is meant."""
    person = access.get_person(request.user, person_id)
    form = NameForm(request.POST)
    if form.is_valid():
        name = form.cleaned_data["name"]
        others = [other for other in people.namesakes(request.user, name) if other.pk != person.pk]
        if others and "anyway" not in request.POST:
            form.add_error("name", f"There is another {others[0].name} already. Save again if both have this name.")
            form.is_taken = True
            return _person_page(request, person, form, status=422)
        event = services.rename_person(person, name, request.user)
        if event:
            say(request, f"{person.name} is called {name} now.", event)
        return back_to(request, person.get_absolute_url())
    return _person_page(request, person, form, status=422)


@require_POST
def person_hide(request: MemberRequest, person_id: int) -> HttpResponse:
    """Takes a person out of the list (`hidden=1`), or puts them back."""
    person = access.get_person(request.user, person_id)
    is_hidden = request.POST.get("hidden") == "1"
    event = services.hide_person(person, request.user, is_hidden=is_hidden)
    if event:
        say(
            request, f"{person.name} is hidden now." if is_hidden else f"{person.name} is back among the people.", event
        )
    return back_to(request, reverse("faces:person_list") if is_hidden else person.get_absolute_url())


@require_POST
def event_undo(request: MemberRequest, event_id: int) -> HttpResponse:
    """Takes an entry of the journal back and says what could not be."""
    event = access.get_event(request.user, event_id)
    try:
        left = undo.undo_event(event, request.user)
    except undo.AlreadyUndone:
        messages.info(request, "That was taken back already.")
    else:
        messages.success(request, " ".join(["Taken back.", *left]))
    person = access.people_visible_to(request.user).filter(pk=event.person_id).first() if event.person_id else None
    stays = person is not None and event.kind != event.Kind.NAME
    return back_from(request, event.person_id, person.get_absolute_url() if person and stays else "")
