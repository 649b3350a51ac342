"""Photos that look alike: one group at a time, what is kept and what goes, for many at once, and taking it back."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.http import Http404, HttpResponse, QueryDict
from django.middleware.csrf import get_token
from django.shortcuts import render
from django.urls import reverse
from django.utils.html import format_html
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from gallery.access import get_or_404, libraries_editable_by
from gallery.duplicates import bulk, deciding, review
from gallery.models import DuplicateGroup, Library
from gallery.views import MemberRequest, SeeOther, moment


def _library(request: MemberRequest, found: list[review.Counts], wanted: str) -> Library | None:
    """The library that `?library=` names, else the one with most to review. Http404 for one that is not theirs."""
    if wanted:
        return get_or_404(libraries_editable_by(request.user), pk=wanted)
    return found[0].library if found else None


def _kind(form: QueryDict) -> str:
    kind = form.get("kind", "")
    return kind if kind in DuplicateGroup.Kind.values else ""


def _number(text: str | None) -> int | None:
    return int(text) if text and text.isascii() and text.isdecimal() and len(text) < 19 else None


def _address(library: Library, kind: str = "", *, after: int | None = None, at: int | None = None) -> str:
    parts = {"library": str(library.pk), "kind": kind, "after": str(after or ""), "at": str(at or "")}
    return f"{reverse('gallery:duplicate_list')}?{urlencode({name: text for name, text in parts.items() if text})}"


@require_safe
def duplicate_list(request: MemberRequest) -> HttpResponse:
    """The next group to decide about: behind the one that `?after=` names, or `?at=` itself."""
    found = review.counts(request.user)
    library = _library(request, found, request.GET.get("library", ""))
    context: dict[str, Any] = {"nav": "libraries", "counts": found, "library": library}
    if library is None:
        return render(request, "gallery/duplicate_list.html", context)
    kind = _kind(request.GET)
    after, at = _number(request.GET.get("after")), _number(request.GET.get("at"))
    count = next((it for it in found if it.library == library), review.Counts(library, 0, 0))
    rows = review.following(request.user, library, kind, after=after, at=at)
    groups = review.show(request.user, list(rows[:1]))
    total = {"same": count.same, "row": count.row}.get(kind, count.all)
    left = rows.count() if after or at else total
    context |= {
        "count": count,
        "is_managed": library.kind == Library.Kind.MANAGED,
        "kind": kind,
        "total": total,
        "place": total - left + 1,
        "review": groups[0] if groups else None,
        "skip_url": _address(library, kind, after=groups[0].group.pk) if groups else "",
        "start_url": _address(library, kind),
        "latest": review.latest(request.user, library),
        "is_working": bulk.is_deciding(library),
    }
    return render(request, "gallery/duplicate_list.html", context)


@require_safe
def duplicate_decided(request: MemberRequest) -> HttpResponse:
    """The latest decisions about a library, each with a way back."""
    found = review.counts(request.user)
    library = _library(request, found, request.GET.get("library", ""))
    decisions = review.decided(request.user, library) if library else []
    context = {"nav": "libraries", "counts": found, "library": library, "decisions": decisions}
    return render(request, "gallery/duplicate_decided.html", context)


@require_POST
def duplicate_decide(request: MemberRequest, group_id: int) -> HttpResponse:
    """Keeps the posted photo `keep`, and the posted `go` go; or, with `all`, keeps all. Then to the next group."""
    group = get_or_404(deciding.groups_of(request.user).select_related("library"), pk=group_id)
    kind = _kind(request.POST)
    onwards = SeeOther(_address(group.library, kind, after=group.pk))
    again = SeeOther(_address(group.library, kind, at=group.pk))
    try:
        if "all" in request.POST:
            deciding.keep_all(request.user, group)
            _say(request, group, "All are kept, and will not be asked about again.")
            return onwards
        keep = _number(request.POST.get("keep"))
        going = [pk for text in request.POST.getlist("go") if (pk := _number(text)) is not None and pk != keep]
        if keep is None or not going:
            messages.error(request, "Choose the photo to keep, and tick at least one other that goes.")
            return again
        merged = deciding.merge(request.user, group, keep=keep, go=going)
    except deciding.AlreadyDecided as said:
        messages.error(request, str(said))
        return again
    _say(request, group, _merged(merged))
    return onwards


def _merged(merged: deciding.Merged) -> str:
    moved = merged.moved
    if moved.hidden:
        return f"One kept, {moved.hidden:,} hidden from PictoPy. No file was touched."
    return f"One kept, {moved.trashed:,} moved to the trash."


def _say(request: MemberRequest, group: DuplicateGroup, text: str) -> None:
    messages.success(
        request,
        format_html(
            '{} <form class="toast-undo" method="post" action="{}"><input type="hidden" name="csrfmiddlewaretoken" '
            'value="{}"><button>Undo</button></form>',
            text,
            reverse("gallery:duplicate_undo", args=[group.pk]),
            get_token(request),
        ),
    )


@require_POST
def duplicate_undo(request: MemberRequest, group_id: int) -> HttpResponse:
    """Takes a decision back and shows the group again."""
    group = get_or_404(deciding.groups_of(request.user).select_related("library"), pk=group_id)
    try:
        undone = deciding.undo(request.user, group)
    except deciding.AlreadyDecided as said:
        messages.error(request, str(said))
    else:
        if undone.said:
            messages.warning(request, f"Taken back, but for this: {' '.join(undone.said)}")
        else:
            messages.success(request, "Taken back.")
    if request.POST.get("next") == "decided":
        return SeeOther(f"{reverse('gallery:duplicate_decided')}?library={group.library_id}")
    return SeeOther(_address(group.library, at=group.pk))


@require_http_methods(["GET", "POST"])
def duplicate_all(request: MemberRequest) -> HttpResponse:
    """Doing as proposed for all groups of the same picture. Asks first, with the numbers."""
    form = request.POST if request.method == "POST" else request.GET
    library = get_or_404(libraries_editable_by(request.user), pk=form.get("library") or 0)
    if request.method == "POST":
        count = bulk.ask_merge(request.user, library)
        if count:
            messages.success(request, f"{_groups(count)} being decided as proposed. Each can be taken back.")
        else:
            messages.error(request, "There was nothing to decide.")
        return SeeOther(_address(library))
    shown = review.show(request.user, list(bulk.proposed(request.user, library)[:_SAMPLES]))
    context = {
        "nav": "libraries",
        "library": library,
        "outlook": bulk.outlook(request.user, library),
        "is_managed": library.kind == Library.Kind.MANAGED,
        "reviews": shown,
    }
    return render(request, "gallery/duplicate_all.html", context)


# So many groups are shown on the page that asks.
_SAMPLES = 6


@require_POST
def duplicate_undo_all(request: MemberRequest) -> HttpResponse:
    """Takes back all that the viewer decided at one moment `at`."""
    library = get_or_404(libraries_editable_by(request.user), pk=request.POST.get("library") or 0)
    at = moment(request.POST.get("at", ""))
    if at is None:
        raise Http404
    count = bulk.ask_undo(request.user, at)
    if count:
        messages.success(request, f"{_groups(count)} being taken back.")
    else:
        messages.error(request, "There was nothing to take back.")
    return SeeOther(f"{reverse('gallery:duplicate_decided')}?library={library.pk}")


def _groups(count: int) -> str:
    return "One group is" if count == 1 else f"{count:,} groups are"
