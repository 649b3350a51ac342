"""The journal of people, and the strangers who were set aside."""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from faces import access, journal, strangers
from faces.views import MemberRequest, number


@require_safe
def journal_page(request: MemberRequest) -> HttpResponse:
    """Who decided what. `person` shows what is about one person, `before` begins a further page."""
    person = None
    if "person" in request.GET:
        person = access.get_person_now(request.user, number(request.GET["person"]) or 0)
    page = journal.journal(request.user, person=person, before=number(request.GET.get("before")))
    context = {"nav": "people", "journal": page, "person": person, "is_first_page": "before" not in request.GET}
    return render(request, "faces/journal.html", context)


@require_safe
def stranger_list(request: MemberRequest) -> HttpResponse:
    """Faces of strangers, page by page, to be taken back."""
    strip = strangers.strangers(request.user, after=number(request.GET.get("after")))
    context = {"nav": "people", "strip": strip, "is_first_page": "after" not in request.GET}
    return render(request, "faces/stranger_list.html", context)
