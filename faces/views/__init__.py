"""Pages of people (`people`), of suggestions (`suggestions`), of single faces (`faces`), and their `pictures`."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.auth.models import User
from django.http import Http404, HttpRequest, HttpResponse
from django.middleware.csrf import get_token
from django.urls import reverse
from django.utils.html import format_html
from django_htmx.middleware import HtmxDetails

from faces.access import faces_visible_to, people_visible_to
from faces.models import Event
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


def back_from(request: HttpRequest, person_id: int | None, otherwise: str) -> HttpResponse:
    """303 to where the form came from, else `otherwise`, else the list of people.

    A person may have lost the last face that the viewer sees: then their own pages are no place to go back to.
    """
    people = reverse("faces:person_list")
    is_theirs = request.POST.get("next", "").startswith(f"{people}{person_id}/")
    if person_id and is_theirs and not people_visible_to(request.user).filter(pk=person_id).exists():
        return SeeOther(people)
    return back_to(request, otherwise or people)


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


def number(text: str | None) -> int | None:
    """An id in an address or a form; None if it is none."""
    return int(text) if text and text.isascii() and text.isdecimal() and len(text) < 19 else None
