"""What is said about one face: who it is, who it is not, that it is none, that it is the best picture of a person."""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.cache import patch_vary_headers
from django.views.decorators.http import require_http_methods, require_POST
from django_htmx.http import trigger_client_event

from faces import access, people, services
from faces.forms import WhoForm
from faces.views import MemberRequest, back_from, say
from gallery.views import back_to, is_fragment


@require_http_methods(["GET", "HEAD", "POST"])
def face_name(request: MemberRequest, face_id: int) -> HttpResponse:
    """Says who a face is. The page itself asks, and asks again (422) when several people have the name."""
    face = access.get_face(request.user, face_id)
    form = WhoForm(request.POST if request.method == "POST" else None)
    asked: list[people.PersonCard] = []
    if form.is_valid():
        try:
            named = services.name_face(face, form.cleaned_data["name"], request.user, **form.choice())
        except services.SameName as error:
            asked = people.cards_of(request.user, error.people)
        except services.NothingToName as error:
            form.add_error("name", str(error))
        else:
            say(request, f"This is {named.person.name}.", named.event)
            return back_to(request, reverse("gallery:photo_detail", args=[face.photo_id]))
    context = {
        "nav": "people",
        "face": people.face_thumb(face),
        "form": form,
        "asked": asked,
        "names": people.person_names(request.user),
        "next": request.POST.get("next", ""),
    }
    return render(request, "faces/face_name.html", context, status=422 if form.is_bound else 200)


@require_POST
def face_refuse(request: MemberRequest, face_id: int) -> HttpResponse:
    """The face is not this person. htmx gets nothing in the face's place, and is told which photo it was in."""
    face = access.get_face(request.user, face_id)
    person = access.get_person(request.user, face.person_id) if face.person_id else None
    event = services.refuse_face(face, request.user)
    if event and person:
        say(request, f"Remembered: this is not {person.name}.", event, anchor=f"face_{face.pk}")
    if is_fragment(request):
        response = render(request, "faces/_face_refused.html")
        patch_vary_headers(response, ["HX-Request"])
        if person and not person.faces.filter(photo_id=face.photo_id).exists():
            trigger_client_event(response, "personleft", {"photo": face.photo_id})
        return response
    is_left = person and access.people_visible_to(request.user).filter(pk=person.pk).exists()
    return back_from(request, person.get_absolute_url() if person and is_left else "")


@require_POST
def face_dismiss(request: MemberRequest, face_id: int) -> HttpResponse:
    """It is no face at all."""
    face = access.get_face(request.user, face_id)
    if event := services.set_no_face(face, request.user):
        say(request, "Remembered: this is no face.", event)
    return back_to(request, reverse("gallery:photo_detail", args=[face.photo_id]))


@require_POST
def face_cover(request: MemberRequest, face_id: int) -> HttpResponse:
    """The face becomes the picture of its person."""
    face = access.get_face(request.user, face_id)
    event = services.set_cover(face, request.user)
    if event and event.person:
        say(request, f"{event.person.name} has a new picture.", event)
    return back_to(request, event.person.get_absolute_url() if event and event.person else reverse("faces:person_list"))
