"""Libraries: their state, scans and failures, and adding, changing and removing them."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.contrib.auth.models import User
from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe
from django_htmx.http import HttpResponseClientRefresh

from gallery import libraries, library_status, paths, roots, services
from gallery.access import editable_by, get_or_404, libraries_editable_by, libraries_visible_to
from gallery.duplicates import deciding
from gallery.forms import AddLibraryForm, LibraryForm, RemoveLibraryForm, UploadLibraryForm
from gallery.library_status import LibraryCard
from gallery.models import Library
from gallery.views import MemberRequest, back_to, is_fragment, render_page


def _editable_library(request: MemberRequest, library_id: int) -> Library:
    return get_or_404(libraries_editable_by(request.user), pk=library_id)


def _require_may_add(request: MemberRequest) -> None:
    if not libraries.may_add(request.user):
        raise Http404


@require_safe
def library_list(request: MemberRequest) -> HttpResponse:
    """All libraries the viewer sees; the page asks for the cards alone again, often while work is going on."""
    cards = library_status.cards(
        libraries_visible_to(request.user).select_related("owner"), editable=libraries_editable_by(request.user)
    )
    is_active = any(card.is_active for card in cards)
    context = {
        "nav": "libraries",
        "cards": cards,
        "is_active": is_active,
        "warnings": library_status.warnings(work_is_open=is_active),
        "may_add": libraries.may_add(request.user),
    }
    if not is_fragment(request):
        context["duplicate_count"] = deciding.open_groups(request.user).count()
    return render_page(request, "gallery/library_list.html", "gallery/_library_cards.html", context)


@require_safe
def library_detail(request: MemberRequest, library_id: int) -> HttpResponse:
    """One library. The page asks for its progress, often while work is going on, and for itself when that ended.

    `seen` is what the page shows, so that it is loaded again once, also after work that nobody saw.
    """
    library = get_or_404(libraries_visible_to(request.user).select_related("owner"), pk=library_id)
    (card,) = library_status.cards([library], editable=libraries_editable_by(request.user))
    context: dict[str, Any] = {
        "nav": "libraries",
        "card": card,
        "library": library,
        "warnings": library_status.warnings(work_is_open=card.is_active),
        "seen": _mark(card),
    }
    page, fragment = "gallery/library_detail.html", "gallery/_library_progress.html"
    if is_fragment(request):
        is_as_seen = card.is_active or request.GET.get("seen") == context["seen"]
        return render_page(request, page, fragment, context) if is_as_seen else HttpResponseClientRefresh()
    failures, failure_count = library_status.failures(library)
    context |= {
        "duplicate_count": deciding.open_groups(request.user).filter(library=library).count(),
        "failures": failures,
        "failure_count": failure_count,
        "scans": library_status.scans(library),
        "missing": library_status.missing(library) if card.missing_count else [],
        "analyzers": library_status.analyzers(library),
    }
    return render_page(request, page, fragment, context)


def _mark(card: LibraryCard) -> str:
    """Tells two states of a library's page apart; all that it may be in while work goes on are one."""
    if card.is_active:
        return "working"
    return f"{card.library.state}-{card.progress.done}-{card.progress.failed}-{card.missing_count}"


@require_http_methods(["GET", "POST"])
def library_add(request: MemberRequest) -> HttpResponse:
    """Choosing a folder of the server, link by link or typed, and making it a library."""
    _require_may_add(request)
    if request.method == "POST":
        form = AddLibraryForm(request.POST, viewer=request.user)
        if form.is_valid():
            try:
                library = libraries.add_library(
                    form.root,
                    name=form.cleaned_data["name"],
                    owner=form.cleaned_data["owner"],
                    visibility=form.cleaned_data["visibility"],
                    exclude=form.cleaned_data["exclude"],
                    scan_every_min=form.cleaned_data["scan_every_min"],
                )
            except roots.RootRefused as error:
                form.add_error("folder", str(error))
            else:
                if libraries_visible_to(request.user).filter(pk=library.pk).exists():
                    messages.success(request, f"“{library.name}” was added. PictoPy is looking for photos in it.")
                    return back_to(request, library.get_absolute_url())
                messages.success(request, f"“{library.name}” was added. Only {library.owner} sees it; you do not.")
                return back_to(request, reverse("gallery:library_list"))
        return _render_add(request, form, _listing(request.user, request.POST.get("path", ""))[0], status=422)
    listing, refusal = _listing(request.user, request.GET.get("path", ""))
    initial = {}
    if listing:
        name = libraries.name_for(paths.to_path(listing.here.path))
        initial = {"path": listing.here.path, "folder": paths.display(listing.here.path), "name": name}
    form = AddLibraryForm(initial=initial, viewer=request.user)
    return _render_add(request, form, listing, refusal, status=422 if refusal else 200)


def _listing(viewer: User, path: str) -> tuple[roots.Listing | None, str]:
    """What lies in the folder of this stored spelling, or the reason why it cannot be shown."""
    if not path:
        return None, ""
    try:
        return roots.list_folder(viewer, paths.to_path(path)), ""
    except roots.RootRefused as error:
        return None, str(error)


def _render_add(
    request: MemberRequest, form: AddLibraryForm, listing: roots.Listing | None, refusal: str = "", *, status: int
) -> HttpResponse:
    context = {"nav": "libraries", "form": form, "listing": listing, "refusal": refusal, "places": roots.places()}
    return render(request, "gallery/library_add.html", context, status=status)


@require_http_methods(["GET", "POST"])
def upload_library_add(request: MemberRequest) -> HttpResponse:
    """Making a library that takes uploads, in a folder of PictoPy's own or a chosen one."""
    _require_may_add(request)
    form = UploadLibraryForm(request.POST or None, viewer=request.user)
    if request.method == "POST" and form.is_valid():
        try:
            library = libraries.add_upload_library(
                name=form.cleaned_data["name"],
                root=form.cleaned_data["folder"],
                owner=form.cleaned_data["owner"],
                visibility=form.cleaned_data["visibility"],
            )
        except roots.RootRefused as error:
            form.add_error("folder", str(error))
        else:
            messages.success(request, f"“{library.name}” is ready for uploads.")
            is_seen = libraries_visible_to(request.user).filter(pk=library.pk).exists()
            page = (
                f"{reverse('gallery:upload_list')}?library={library.pk}" if is_seen else reverse("gallery:library_list")
            )
            return back_to(request, page)
    context = {"nav": "libraries", "form": form, "places": roots.places()}
    status = 422 if request.method == "POST" else 200
    return render(request, "gallery/upload_library_add.html", context, status=status)


@require_http_methods(["GET", "POST"])
def library_edit(request: MemberRequest, library_id: int) -> HttpResponse:
    """Name, owner, who sees it, what is left out, how often to scan."""
    library = _editable_library(request, library_id)
    form = LibraryForm(request.POST or None, instance=library, viewer=request.user)
    if request.method == "POST" and form.is_valid():
        # The form has changed its instance; what counts as a change is told from the row.
        libraries.update_library(
            _editable_library(request, library_id),
            name=form.cleaned_data["name"],
            owner=form.cleaned_data["owner"],
            visibility=form.cleaned_data["visibility"],
            exclude=form.cleaned_data["exclude"],
            scan_every_min=form.cleaned_data["scan_every_min"],
            empty_trash_days=form.cleaned_data.get("empty_trash_days") or 0,
        )
        messages.success(request, "Saved.")
        is_seen = libraries_visible_to(request.user).filter(pk=library_id).exists()
        return back_to(request, library.get_absolute_url() if is_seen else reverse("gallery:library_list"))
    context = {"nav": "libraries", "form": form, "library": _editable_library(request, library_id)}
    return render(request, "gallery/library_edit.html", context, status=422 if request.method == "POST" else 200)


@require_http_methods(["GET", "POST"])
def library_remove(request: MemberRequest, library_id: int) -> HttpResponse:
    """Takes a library out of PictoPy. Asks for its name; says that no file is touched and what is lost."""
    library = _editable_library(request, library_id)
    form = RemoveLibraryForm(request.POST or None, library=library)
    if request.method == "POST" and form.is_valid():
        libraries.remove_library(library)
        messages.success(request, f"“{library.name}” is no longer in PictoPy. All its files lie where they were.")
        return back_to(request, reverse("gallery:library_list"))
    (card,) = library_status.cards([library], editable=libraries_editable_by(request.user))
    context = {"nav": "libraries", "form": form, "library": library, "card": card}
    return render(request, "gallery/library_remove.html", context, status=422 if request.method == "POST" else 200)


@require_POST
def library_scan(request: MemberRequest, library_id: int) -> HttpResponse:
    library = _editable_library(request, library_id)
    services.request_scan(library)
    messages.success(request, f"PictoPy is looking for changes in “{library.name}”.")
    return back_to(request, library.get_absolute_url())


@require_POST
def library_retry(request: MemberRequest, library_id: int) -> HttpResponse:
    """Tries everything again that failed in a library."""
    library = _editable_library(request, library_id)
    count = services.retry_photos(library_status.failed_photos(library))
    messages.success(request, _tried_again(count))
    return back_to(request, library.get_absolute_url())


@require_POST
def photo_retry(request: MemberRequest, photo_id: int) -> HttpResponse:
    """Tries one photo again."""
    rows = editable_by(request.user)
    photo = get_or_404(rows.select_related("library"), pk=photo_id)
    messages.success(request, _tried_again(services.retry_photos(rows.filter(pk=photo.pk))))
    return back_to(request, photo.library.get_absolute_url())


def _tried_again(count: int) -> str:
    if not count:
        return "There is nothing to try again."
    return "One photo is tried again." if count == 1 else f"{count:,} photos are tried again."
