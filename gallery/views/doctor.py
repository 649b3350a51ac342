"""The doctor's page: what is wrong with database, disk and derivatives, and mending it. For administrators."""

from __future__ import annotations

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe
from django_htmx.http import HttpResponseClientRefresh

from gallery import library_status
from gallery.doctor import page, registry, running
from gallery.views import MemberRequest, back_to, is_fragment, render_page


def _require_may_see(request: MemberRequest) -> None:
    if not page.may_see(request.user):
        raise Http404


@require_safe
def doctor(request: MemberRequest) -> HttpResponse:
    """What was found. The page asks for its progress, often while work is going on, and for itself on news."""
    _require_may_see(request)
    shown = page.page(request.user)
    if is_fragment(request) and request.GET.get("seen") != shown.mark:
        return HttpResponseClientRefresh()
    context = {
        "nav": "libraries",
        "page": shown,
        "warnings": library_status.warnings(work_is_open=bool(shown.at_work)),
    }
    return render_page(request, "gallery/doctor.html", "gallery/_doctor_progress.html", context)


@require_POST
def doctor_look(request: MemberRequest) -> HttpResponse:
    """Has a worker carry out all checks; with `content`, also those that read every original."""
    _require_may_see(request)
    running.request(with_content=bool(request.POST.get("content")))
    messages.success(request, "PictoPy is looking. You can leave this page.")
    return back_to(request, reverse("gallery:doctor"))


@require_POST
def doctor_fix(request: MemberRequest) -> HttpResponse:
    """Has a worker mend what one check finds."""
    _require_may_see(request)
    check = registry.get(request.POST.get("check", ""))
    if check is None or check.fix is None:
        raise Http404
    running.request(fix=check.name)
    messages.success(request, f"{check.title}: PictoPy is mending.")
    return back_to(request, reverse("gallery:doctor"))
