"""Pages of people (`people`), of suggestions (`suggestions`), of single faces (`faces`), and their `pictures`."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from django.contrib import messages
from django.contrib.auth.models import User
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.middleware.csrf import get_token
from django.urls import Resolver404, resolve, reverse
from django.utils.html import format_html
from django_htmx.middleware import HtmxDetails

from faces.access import clusters_visible_to, faces_visible_to, people_visible_to, survivor
from faces.models import Event
from faces.undo import AlreadyUndone, SomethingFirst, undo_event
from gallery.views import SeeOther, back_to


class MemberRequest(HttpRequest):
    """A request of somebody who is signed in: the middleware lets nobody else come so far."""

    user: User
    htmx: HtmxDetails


def say(request: HttpRequest, text: str, event: Event | None = None, *, anchor: str = "") -> None:
    """A toast; with an entry of the journal it has a button that takes it back and leads to where one was.

    `anchor` is the id of what comes back on that page.
    """
    if event is None:
        messages.success(request, text)
        return
    page = _page_of(request)
    if page and anchor and "#" not in page:
        page = f"{page}#{anchor}"
    messages.success(
        request,
        format_html(
            '{} <form class="toast-undo" method="post" action="{}"><input type="hidden" name="next" value="{}">'
            '<input type="hidden" name="csrfmiddlewaretoken" value="{}"><button>Undo</button></form>',
            text,
            reverse("faces:event_undo", args=[event.pk]),
            page,
            get_token(request),
        ),
    )


def _page_of(request: HttpRequest) -> str:
    """The page on which somebody pressed a button: named by the form, or by htmx; empty if by neither."""
    htmx: HtmxDetails | None = getattr(request, "htmx", None)
    return request.POST.get("next", "") or (htmx and htmx.current_url_abs_path) or ""


def back_from(request: MemberRequest, otherwise: str = "") -> HttpResponse:
    """303 to where the form came from, else `otherwise`, else the list of people.

    What that page is about may be gone for the viewer by now: a person who lost the last face that they see, a group
    that has a name, a face that was drawn. Then the way leads to the list of people, from the journal of a person to
    that of all. At most one query, and what `access.survivor` takes where a person is gone.
    """
    people = reverse("faces:person_list")
    place = urlsplit(request.POST.get("next", ""))
    try:
        page = resolve(place.path)
    except Resolver404:
        return back_to(request, otherwise or people)
    query = QueryDict(place.query)
    if page.view_name == "faces:journal" and "person" in query:
        if not _is_there(request.user, {"person_id": number(query["person"])}):
            return SeeOther(f"{place.path}#{place.fragment}" if place.fragment else place.path)
    elif page.app_names == ["faces"] and not _is_there(request.user, page.kwargs):
        return SeeOther(people)
    return back_to(request, otherwise or people)


def _is_there(viewer: User, named: dict[str, Any]) -> bool:
    """Whether the viewer sees the person, the group or the face that an address names, or who a person is now."""
    if "person_id" in named:
        person_id = named["person_id"] or 0
        return people_visible_to(viewer).filter(pk=person_id).exists() or survivor(viewer, person_id) is not None
    if "cluster_id" in named:
        return clusters_visible_to(viewer).filter(pk=named["cluster_id"]).exists()
    return "face_id" not in named or faces_visible_to(viewer).filter(pk=named["face_id"]).exists()


def chosen(request: MemberRequest) -> list[int]:
    """The faces that a form has ticked (`face`), as far as one sees them; empty if none is ticked.

    Http404 if there is none among them that one sees.
    """
    wanted = {pk for text in request.POST.getlist("face") if (pk := number(text)) is not None}
    if not wanted:
        return []
    seen = faces_visible_to(request.user).filter(pk__in=wanted).order_by("pk")
    if not (ids := list(seen.values_list("pk", flat=True))):
        raise Http404
    return ids


def take_back(request: MemberRequest, event: Event) -> None:
    """Takes an entry of the journal back, and says what could not be."""
    try:
        left = undo_event(event, request.user)
    except AlreadyUndone:
        messages.info(request, "That was taken back already.")
    except SomethingFirst as error:
        messages.warning(request, str(error))
    else:
        messages.success(request, " ".join(["Taken back.", *left]))


def number(text: str | None) -> int | None:
    """An id in an address or a form; None if it is none."""
    return int(text) if text and text.isascii() and text.isdecimal() and len(text) < 19 else None
