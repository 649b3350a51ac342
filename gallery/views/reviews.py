"""Libraries whose files are away: the page that asks what became of them, and the photos that are missing."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_safe
from django_htmx.http import HttpResponseClientRefresh

from gallery import library_status, losses, queries, reviews, services, sets
from gallery.access import get_or_404, libraries_editable_by, libraries_visible_to
from gallery.models import Library
from gallery.views import MemberRequest, SeeOther, back_to, is_fragment, moment, render_page


def _editable_library(request: MemberRequest, library_id: int) -> Library:
    return get_or_404(libraries_editable_by(request.user), pk=library_id)


@require_http_methods(["GET", "POST"])
def library_review(request: MemberRequest, library_id: int) -> HttpResponse:
    """What the last scan of a held or offline library found, and three answers, each with what follows from it.

    The page asks for the head of itself while contents are compared, and for itself when that ended.
    """
    library = _editable_library(request, library_id)
    is_asked = library.state in {Library.State.HELD, Library.State.OFFLINE}
    if request.method == "POST":
        if is_asked:
            _answer(request, library)
        else:
            messages.info(request, f"“{library.name}” is available again. There is nothing to answer.")
        return back_to(request, reverse("gallery:library_review", args=[library.pk]))
    question = reviews.question(request.user, library)
    (card,) = library_status.cards([library], editable=libraries_editable_by(request.user))
    mark = f"{library.state}-{question.mark}-{card.progress.is_scanning}"
    context = {
        "nav": "libraries",
        "library": library,
        "question": question,
        "review": question.review,
        "card": card,
        "is_asked": is_asked,
        "seen": mark,
        "warnings": library_status.warnings(work_is_open=card.progress.is_scanning),
    }
    page, fragment = "gallery/library_review.html", "gallery/_library_review.html"
    if is_fragment(request) and request.GET.get("seen") != mark:
        return HttpResponseClientRefresh()
    return render_page(request, page, fragment, context)


def _answer(request: MemberRequest, library: Library) -> None:
    match request.POST.get("answer"):
        case "away":
            reviews.say_away(request.user, library)
            messages.success(request, "PictoPy waits for the drive, and changes nothing until it is back.")
        case "moved" if library.state == Library.State.HELD:
            reviews.say_moved(request.user, library)
            messages.success(request, "PictoPy is giving the photos that it found again their new places.")
        case _:
            messages.error(request, "Please choose one of the answers.")


@require_http_methods(["GET", "POST"])
def library_accept(request: MemberRequest, library_id: int) -> HttpResponse:
    """A person says that the files a held or offline library misses are really gone. Asks first."""
    library = _editable_library(request, library_id)
    if request.method == "POST":
        services.request_scan(library, accept_missing=True)
        messages.success(request, "PictoPy is scanning again and will note what is gone.")
        return back_to(request, library.get_absolute_url())
    context = {"nav": "libraries", "library": library, "question": reviews.question(request.user, library)}
    return render(request, "gallery/library_accept.html", context)


@require_safe
def library_missing(request: MemberRequest, library_id: int) -> HttpResponse:
    """The photos of a library whose file is away, as a grid."""
    library = get_or_404(libraries_visible_to(request.user), pk=library_id)
    photo_set = sets.missing(request.user, str(library.pk))
    grid = queries.grid(request.user, photo_set, after=request.GET.get("after"), at=request.GET.get("at"))
    context = {
        "nav": "libraries",
        "library": library,
        "count": queries.count(photo_set),
        "is_editable": libraries_editable_by(request.user).filter(pk=library.pk).exists(),
        "photo_set": photo_set,
        "tiles": grid.tiles,
        "next_url": grid.next_url,
    }
    return render_page(request, "gallery/library_missing.html", "_tiles.html", context)


@require_http_methods(["GET", "POST"])
def library_forget(request: MemberRequest, library_id: int) -> HttpResponse:
    """Removes the photos whose files are gone, with all that people made of them. Asks first, and says what is lost.

    `until` is when that was said: what went missing since is not forgotten.
    """
    library = _editable_library(request, library_id)
    if request.method == "POST":
        until = moment(request.POST.get("until", ""))
        if until is None:
            messages.error(request, "Please look at what will be lost first.")
            return SeeOther(reverse("gallery:library_forget", args=[library.pk]))
        count = services.forget_missing(library, until=until)
        messages.success(request, "One photo was forgotten." if count == 1 else f"{count:,} photos were forgotten.")
        return back_to(request, library.get_absolute_url())
    until = timezone.now()
    context = {
        "nav": "libraries",
        "library": library,
        "until": until.isoformat(),
        "missing": library_status.missing(library),
        "missing_count": library_status.missing_count(library),
        "losses": losses.losses(request.user, library, until=until),
    }
    return render(request, "gallery/library_forget.html", context)
