"""What is said about many faces at once: those that are ticked on the page of a person, a suggestion, or strangers."""

from __future__ import annotations

from collections.abc import Callable

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_http_methods, require_POST

from faces import access, people, services
from faces.forms import WhoForm
from faces.views import MemberRequest, back_from, chosen, number, say
from gallery.views import SeeOther

NOTHING_CHOSEN = "Tick the faces first."


@require_http_methods(["GET", "HEAD", "POST"])
def faces_name(request: MemberRequest) -> HttpResponse:
    """Says who the faces are. Without a name, or when several have it, the page asks (422); GET leads to the people."""
    if request.method != "POST":
        return SeeOther(reverse("faces:person_list"))
    ids = chosen(request)
    if not ids:
        return _back(request, NOTHING_CHOSEN)
    form = WhoForm(request.POST)
    asked: list[people.PersonCard] = []
    if form.is_valid():
        try:
            moved = services.name_faces(ids, form.cleaned_data["name"], request.user, **form.choice())
        except services.SameName as error:
            asked = people.cards_of(request.user, error.people)
        except services.NothingToName as error:
            form.add_error("name", str(error))
        else:
            return _said(request, moved, f"{_faces(moved.count)} {moved.person} now.")
    place = request.POST.get("next", "")
    context = {
        "nav": "people",
        "faces": people.face_thumbs(
            access.faces_visible_to(request.user).filter(pk__in=ids).order_by("-quality", "pk")
        ),
        "form": form,
        "asked": asked,
        "names": people.person_names(request.user),
        "next": place if url_has_allowed_host_and_scheme(place, allowed_hosts=None) else "",
        "person": request.POST.get("person", ""),
    }
    return render(request, "faces/faces_name.html", context, status=422)


@require_POST
def faces_confirm(request: MemberRequest) -> HttpResponse:
    """Guesses are right: `person` is who they were taken for."""
    person = access.get_person(request.user, number(request.POST.get("person")) or 0)
    return _decide(
        request,
        lambda ids: services.confirm_faces(ids, person, request.user),
        lambda moved: f"{_faces(moved.count)} {person.name}.",
    )


@require_POST
def faces_refuse(request: MemberRequest) -> HttpResponse:
    """They are not `person`."""
    person = access.get_person(request.user, number(request.POST.get("person")) or 0)
    return _decide(
        request,
        lambda ids: services.refuse_faces(ids, person, request.user),
        lambda moved: f"Remembered: {_faces(moved.count).lower()} not {person.name}.",
    )


@require_POST
def faces_ignore(request: MemberRequest) -> HttpResponse:
    """They are strangers."""
    return _decide(
        request,
        lambda ids: services.ignore_faces(ids, request.user),
        lambda moved: f"{_strangers(moved.count)} set aside.",
    )


@require_POST
def faces_dismiss(request: MemberRequest) -> HttpResponse:
    """They are no faces."""
    return _decide(
        request,
        lambda ids: services.set_no_faces(ids, request.user),
        lambda moved: (
            "Remembered: this is no face." if moved.count == 1 else f"Remembered: these {moved.count:,} are no faces."
        ),
    )


@require_POST
def faces_restore(request: MemberRequest) -> HttpResponse:
    """They are strangers no more."""
    return _decide(
        request,
        lambda ids: services.take_strangers_back(ids, request.user),
        lambda moved: f"{_strangers(moved.count)} taken back: PictoPy compares them with people again.",
    )


@require_POST
def cluster_ignore(request: MemberRequest, cluster_id: int) -> HttpResponse:
    """All faces of a suggestion that one sees are a stranger's."""
    cluster = access.get_cluster(request.user, cluster_id)
    try:
        moved = services.ignore_cluster(cluster, request.user)
    except services.NothingToName as error:
        return _back(request, str(error))
    return _said(request, moved, f"{_strangers(moved.count)} set aside.")


def _decide(
    request: MemberRequest,
    decision: Callable[[list[int]], services.Moved],
    sentence: Callable[[services.Moved], str],
) -> HttpResponse:
    ids = chosen(request)
    if not ids:
        return _back(request, NOTHING_CHOSEN)
    try:
        moved = decision(ids)
    except services.NothingToName as error:
        return _back(request, str(error))
    return _said(request, moved, sentence(moved))


def _said(request: MemberRequest, moved: services.Moved, sentence: str) -> HttpResponse:
    say(request, " ".join([sentence, *moved.remarks]), moved.event)
    return _back(request)


def _back(request: MemberRequest, message: str = "") -> HttpResponse:
    """To the page of the form, as far as it is still there."""
    if message:
        messages.info(request, message)
    return back_from(request)


def _faces(count: int) -> str:
    return "One face is" if count == 1 else f"{count:,} faces are"


def _strangers(count: int) -> str:
    return "A stranger is" if count == 1 else f"{count:,} strangers are"
