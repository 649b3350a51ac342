"""People: the list, one person, and what is decided about them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from faces import (
    access,
    answers,
    company,
    people,
    questions,
    revisions,
    services,
    sets,
    strangers,
    suggestions,
    undo,
    years,
)
from faces.analyzer import FacesAnalyzer
from faces.forms import PersonForm
from faces.models import Event, Person
from faces.shadow import page, switching
from faces.shadow.rules import NotApplicable
from faces.views import MemberRequest, back_from, number, say, take_back
from faces.views.questions import question_url
from gallery import queries
from gallery.views import SeeOther, back_to, is_fragment, render_page


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
        "has_strangers": strangers.has_strangers(request.user),
    }
    if not more_suggestions:
        context["people"] = people.person_cards(request.user, hidden=hidden, after=number(more_people))
    if not (hidden or more_people):
        context["suggestions"] = suggestions.suggestion_cards(request.user, after=more_suggestions)
        context["names"] = people.person_names(request.user)
    if context["is_first_page"] and not hidden:
        # A group of two faces is a question; without groups it costs little to look.
        context["has_questions"] = bool(context["suggestions"].cards) or questions.has_questions(request.user)
    if not (context.get("people") and context["people"].cards) and not (
        context.get("suggestions") and context["suggestions"].cards
    ):
        context["waiting_for"] = FacesAnalyzer().waiting_for()
        context["has_libraries"] = queries.has_libraries(request.user)
    return render(request, "faces/person_list.html", context)


@require_safe
def person_detail(request: MemberRequest, person_id: int) -> HttpResponse:
    """One person: the faces that belong to them, and their photos."""
    person = access.get_person_now(request.user, person_id)
    if person.pk != person_id:
        return redirect(person)
    return _person_page(request, person, PersonForm({"name": person.name, "birth_date": person.birth_date}))


def _person_page(
    request: MemberRequest,
    person: Person,
    form: PersonForm,
    *,
    asked: Sequence[people.PersonCard] = (),
    status: int = 200,
) -> HttpResponse:
    photo_set = sets.person_set(request.user, person)
    grid = queries.grid(request.user, photo_set, after=request.GET.get("after"), at=request.GET.get("at"))
    context: dict[str, Any] = {"tiles": grid.tiles, "next_url": grid.next_url}
    if is_fragment(request):
        return render_page(request, "", "_tiles.html", context)
    (card,) = people.cards_of(request.user, [person])
    strip = people.person_faces(request.user, person, size=people.FACES_IN_STRIP)
    ages = people.ages_in_photos(request.user, person)
    context |= {"nav": "people", "person": person, "card": card, "strip": strip, "form": form}
    context |= {"ages": ages, "asked": asked, "today": timezone.localdate()}
    context |= {
        "together": company.together(request.user, person),
        "years": years.over_the_years(request.user, person),
    }
    return render_page(request, "faces/person_detail.html", "", context, status=status)


@require_safe
def person_faces(request: MemberRequest, person_id: int) -> HttpResponse:
    """All faces of a person, page by page; those that are guesses come first."""
    person = access.get_person_now(request.user, person_id)
    if person.pk != person_id:
        return redirect("faces:person_faces", person.pk)
    strip = people.person_faces(request.user, person, after=request.GET.get("after"))
    context = {
        "nav": "people",
        "person": person,
        "strip": strip,
        "is_first_page": "after" not in request.GET,
        "has_guesses": any(not face.is_confirmed for face in strip.faces),
        "names": people.person_names(request.user),
    }
    return render(request, "faces/person_faces.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
def person_rename(request: MemberRequest, person_id: int) -> HttpResponse:
    """Another name, and a date of birth if the form has one.

    Of a name that somebody has already the page asks (422) whether they are the same person; `anyway`: they are not.
    GET, which is what loading that page again may be, leads to the person.
    """
    person = access.get_person(request.user, person_id)
    if request.method != "POST":
        return SeeOther(person.get_absolute_url())
    form = PersonForm(request.POST)
    if not form.is_valid():
        return _person_page(request, person, form, status=422)
    name = form.cleaned_data["name"]
    others = [other for other in people.namesakes(request.user, name) if other.pk != person.pk]
    if others and name != person.name and "anyway" not in request.POST:
        asked = company.compared(request.user, person, people.cards_of(request.user, others))
        return _person_page(request, person, form, asked=asked, status=422)
    if event := services.rename_person(person, name, request.user):
        say(request, f"{person.name} is called {name} now.", event)
    date = form.cleaned_data["birth_date"]
    if "birth_date" in request.POST and (event := services.set_birth_date(person, date, request.user)):
        born = f"was born on {date_format(date, 'j F Y')}" if date else "has no date of birth any more"
        say(request, f"{name} {born}.", event)
    return back_to(request, person.get_absolute_url())


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
    """Takes an entry of the journal back and says what could not be. On the page of questions it is asked again."""
    event = access.get_event(request.user, event_id)
    if switching.is_switch(event):
        return _switch_back(request, event)
    take_back(request, event)
    is_asking = urlsplit(request.POST.get("next", "")).path == reverse("faces:question_list")
    if is_asking and (key := event.before.get("question")):
        answers.bring_group_back(event)
        return SeeOther(question_url(key))
    person = access.people_visible_to(request.user).filter(pk=event.person_id).first() if event.person_id else None
    stays = person is not None and event.kind != event.Kind.NAME
    return back_from(request, person.get_absolute_url() if person and stays else "")


def _switch_back(request: MemberRequest, event: Event) -> HttpResponse:
    """Has a worker bring the former model back. Administrators see how far it is."""
    try:
        preview = switching.ask_back(event, request.user)
    except undo.AlreadyUndone:
        messages.info(request, "That was taken back already.")
    except NotApplicable as error:
        messages.warning(request, str(error))
    else:
        if page.may_see(request.user):
            return SeeOther(reverse("faces:preview_detail", args=[preview.pk]))
        messages.success(request, f"Faces are recognised with {preview.model} again in a moment.")
    return back_from(request)
