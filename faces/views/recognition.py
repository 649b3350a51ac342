"""How faces are compared: trying other distances or another model, and putting them in place. For administrators."""

from __future__ import annotations

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe
from django_htmx.http import HttpResponseClientRefresh

from faces import access
from faces.models import Person, Preview
from faces.shadow import accepting, changes, models, page, previews, rules, switching
from faces.shadow.forms import DistancesForm
from faces.views import MemberRequest, number, say
from gallery.views import SeeOther, back_to, is_fragment, render_page
from gallery.vision import catalog
from gallery.vision.catalog import ModelUnavailable


def _require_may_see(request: MemberRequest) -> None:
    if not page.may_see(request.user):
        raise Http404


@require_safe
def recognition(request: MemberRequest) -> HttpResponse:
    """The model in use, its distances with a form to try others, and the other models that are at hand."""
    _require_may_see(request)
    return _overview(request)


def _overview(request: MemberRequest, form: DistancesForm | None = None) -> HttpResponse:
    context = {"nav": "people", "overview": page.overview(request.user), "form": form}
    return render(request, "faces/recognition.html", context, status=422 if form else 200)


@require_POST
def recognition_try(request: MemberRequest) -> HttpResponse:
    """Has a worker try distances (those of the form, or with `usual` those that nobody chose) with a `model`."""
    _require_may_see(request)
    key = request.POST.get("model", "")
    overview = page.overview(request.user)
    if key not in {overview.model, *(spec.key for spec in overview.others)} or key not in catalog.catalog().models:
        raise Http404
    try:
        wanted = page.default_for(key)
        if key == overview.model and "usual" not in request.POST:
            form = DistancesForm(request.POST, catalog.model(key))
            if not form.is_valid():
                return _overview(request, form)
            wanted = form.distances()
    except ModelUnavailable as error:
        messages.error(request, str(error))
        return SeeOther(reverse("faces:recognition"))
    preview = previews.ask(key, wanted, request.user)
    return SeeOther(reverse("faces:preview_detail", args=[preview.pk]))


@require_safe
def preview_detail(request: MemberRequest, preview_id: int) -> HttpResponse:
    """What would change. While it is being made the page asks how far it is, and for itself on news."""
    preview = page.get_preview(request.user, preview_id)
    shown = page.shown(request.user, preview, start=number(request.GET.get("from")) or 0)
    if is_fragment(request) and request.GET.get("seen") != shown.mark:
        return HttpResponseClientRefresh()
    context = {"nav": "people", "shown": shown}
    return render_page(request, "faces/preview_detail.html", "faces/_preview_progress.html", context)


@require_POST
def preview_use(request: MemberRequest, preview_id: int) -> HttpResponse:
    """From now on faces are compared like this: distances at once, another model as soon as a worker has switched."""
    preview = page.get_preview(request.user, preview_id)
    detail = reverse("faces:preview_detail", args=[preview.pk])
    try:
        if preview.model != models.present():
            switching.ask(preview, request.user)
            return SeeOther(detail)
        event = rules.use(preview, request.user)
    except rules.NotApplicable as error:
        messages.error(request, str(error))
        return SeeOther(detail)
    say(request, "These distances are in use now. Groups and names follow in a moment.", event)
    return SeeOther(reverse("faces:recognition"))


@require_POST
def preview_discard(request: MemberRequest, preview_id: int) -> HttpResponse:
    """Puts a preview away, also one that is still being made. What another model saw so far is kept.

    One whose model waits to come into use goes on waiting to be looked at.
    """
    preview = page.get_preview(request.user, preview_id)
    is_stopped = previews.discard(preview)
    if not is_stopped:
        is_busy = "PictoPy is switching at this moment. You can switch back afterwards."
        messages.info(request, rules.IN_USE if previews.is_in_use(preview) else is_busy)
    if not is_stopped or (preview.state == Preview.State.SWITCHING and not preview.is_way_back):
        return SeeOther(reverse("faces:preview_detail", args=[preview.pk]))
    is_made = preview.state == Preview.State.READY
    messages.success(request, "Put away. Nothing was changed." if is_made else "Stopped. Nothing was changed.")
    return SeeOther(reverse("faces:recognition"))


@require_POST
def preview_retry(request: MemberRequest, preview_id: int) -> HttpResponse:
    """Makes a preview again that failed, or that is out of date."""
    preview = page.get_preview(request.user, preview_id)
    previews.retry(preview)
    return SeeOther(reverse("faces:preview_detail", args=[preview.pk]))


@require_http_methods(["GET", "HEAD", "POST"])
def preview_person(request: MemberRequest, preview_id: int, person_id: int) -> HttpResponse:
    """All faces that a person would gain and lose. POST accepts them, or of those that were `shown` the ticked ones."""
    preview = page.get_preview(request.user, preview_id)
    person = access.get_person(request.user, person_id)
    shown = changes.person_page(request.user, preview, person)
    if request.method == "POST" and (shown or preview.state != Preview.State.READY):
        return _accept(request, preview, person)
    # Also to POST: another answer about changes that one does not see would tell that there are some.
    if shown is None:
        raise Http404
    context = {"nav": "people", "preview": preview, "person": person, "page": shown}
    return render(request, "faces/preview_person.html", context)


def _accept(request: MemberRequest, preview: Preview, person: Person) -> HttpResponse:
    detail = reverse("faces:preview_detail", args=[preview.pk])
    only = None
    if "shown" in request.POST:
        only = {pk for value in request.POST.getlist("face") if (pk := number(value))}
    try:
        event, gained, lost = accepting.accept_person(preview, person, request.user, only=only)
    except rules.NotApplicable as error:
        messages.error(request, str(error))
    else:
        parts = [f"{gained} {_faces(gained)} confirmed" if gained else "", f"{lost} taken out" if lost else ""]
        told = f"{person.name}: {' and '.join(filter(None, parts))}."
        if anew := event.before["looked_at_anew"]:
            told += f" {anew} {_faces(anew)} looked at anew since {'is' if anew == 1 else 'are'} left as before."
        say(request, told, event, anchor=f"person_{person.pk}")
    return back_to(request, detail)


def _faces(count: int) -> str:
    return "face" if count == 1 else "faces"
