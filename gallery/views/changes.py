"""Changing date, time zone and place of one photo or many, correcting a camera's clock, and taking changes back."""

from __future__ import annotations

from collections.abc import Sequence

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.middleware.csrf import get_token
from django.shortcuts import render
from django.urls import reverse
from django.utils.html import format_html
from django.utils.http import url_has_allowed_host_and_scheme, urlencode
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from gallery import changes, clock, edits, photo_facts, queries, timezones
from gallery.access import get_or_404
from gallery.change_forms import ClockForm, PhotoForm, PhotosForm
from gallery.models import Change, Photo
from gallery.views import MemberRequest, SeeOther, back_to, photo_ids

# Pictures that the form for many photos shows of them.
_SHOWN = 8


@require_http_methods(["GET", "HEAD", "POST"])
def photo_edit(request: MemberRequest, photo_id: int) -> HttpResponse:
    """The form for one photo. `in` of the address is the set that its page was opened in."""
    photo = get_or_404(changes.editable(request.user), pk=photo_id)
    back_url = photo.get_absolute_url() + queries.set_suffix(request.GET.get("in") or "timeline")
    form = PhotoForm(request.POST if request.method == "POST" else None, photo=photo)
    if request.method == "POST" and form.is_valid() and _apply(request, form, [photo.pk]):
        return SeeOther(back_url)
    context = {
        "form": form,
        "photo": photo,
        "picture": queries.thumbnail_url(photo, "medium"),
        "picture_size": queries.thumbnail_size(photo, "medium"),
        "when": photo_facts.when(photo),
        "where": photo_facts.where(photo),
        "back_url": back_url,
        "clock_url": _clock_url(photo),
        "zones": timezones.names(),
    }
    return render(request, "gallery/photo_edit.html", context, status=422 if form.errors else 200)


def _clock_url(photo: Photo) -> str:
    """The form for the clock of its camera, about its day; empty if the photo cannot tell."""
    if not photo.camera or photo.taken is None:
        return ""
    day = photo.taken.date().isoformat()
    return f"{reverse('gallery:clock')}?{urlencode({'photo': str(photo.pk), 'first': day, 'last': day})}"


@require_http_methods(["GET", "HEAD", "POST"])
def photos_edit(request: MemberRequest) -> HttpResponse:
    """The form for the posted photos; with the field `apply` they are changed. 404 if none of them may be."""
    ids = photo_ids(request)
    photos = changes.editable(request.user).filter(pk__in=ids)
    known = sorted(photos.order_by().values_list("pk", flat=True))
    if ids and not known:
        raise Http404
    target = request.POST.get("next", "")
    back_url = target if url_has_allowed_host_and_scheme(target, allowed_hosts=None) else reverse("gallery:timeline")
    form = PhotosForm(request.POST if "apply" in request.POST else None)
    if "apply" in request.POST and known and form.is_valid() and _apply(request, form, known):
        return SeeOther(back_url)
    context = {
        "form": form,
        "photo_ids": known,
        "refused": len(set(ids)) - len(known),
        "pictures": [queries.thumbnail_url(photo, "small") for photo in photos.order_by("sort_at", "id")[:_SHOWN]],
        "back_url": back_url,
        "zones": timezones.names(),
    }
    return render(request, "gallery/photos_edit.html", context, status=422 if form.errors else 200)


def _apply(request: MemberRequest, form: PhotosForm, ids: Sequence[int]) -> bool:
    """Whether the photos were changed as the form asks; else it says why not."""
    try:
        done = changes.apply(request.user, ids, form.asked)
    except edits.ImpossibleDate as error:
        form.add_error(None, str(error))
        return False
    if done.change is None:
        messages.info(request, "Nothing was different from before.")
    else:
        say(request, done.change)
    return True


@require_safe
def clock_form(request: MemberRequest) -> HttpResponse:
    """Which camera, when, and how wrong. `photo` of the address is one whose right time may be known."""
    reading = clock.reading(request.user, request.GET.get("photo"))
    initial: dict[str, object] = {}
    if reading is not None and reading.taken is not None:
        initial = {
            "camera": reading.camera, "how": "photo", "photo": str(reading.pk),
            "real_day": reading.taken.date(), "real_time": reading.taken.time().replace(microsecond=0),
        }  # fmt: skip
    # What the preview was asked for comes back with the way back from it.
    initial |= {name: value for name, value in request.GET.items() if value and name in ClockForm.base_fields}
    form = ClockForm(initial=initial, cameras=clock.cameras(request.user), reading=reading)
    return _clock(request, form, reading)


def _clock(request: MemberRequest, form: ClockForm, reading: Photo | None, status: int = 200) -> HttpResponse:
    context = {
        "form": form,
        "reading": reading,
        "reading_when": photo_facts.when(reading) if reading else None,
        "picture": queries.thumbnail_url(reading, "small") if reading else "",
        "has_cameras": bool(form.fields["camera"].choices),  # type: ignore[attr-defined]
    }
    return render(request, "gallery/clock.html", context, status=status)


@require_http_methods(["GET", "HEAD", "POST"])
def clock_preview(request: MemberRequest) -> HttpResponse:
    """GET shows what would happen, POST does it: both with the fields of the form, which is shown if they are wrong."""
    fields = request.POST if request.method == "POST" else request.GET
    reading = clock.reading(request.user, fields.get("photo"))
    form = ClockForm(fields, cameras=clock.cameras(request.user), reading=reading)
    if not form.is_valid() or form.wrong is None:
        return _clock(request, form, reading, status=422)
    if request.method == "POST":
        try:
            done = clock.correct(request.user, form.wrong)
        except edits.ImpossibleDate as error:
            form.add_error(None, str(error))
            return _clock(request, form, reading, status=422)
        if done.change is None:
            messages.info(request, "There was nothing to move.")
        else:
            say(request, done.change)
        return SeeOther(reverse("gallery:change_list"))
    preview = clock.preview(request.user, form.wrong)
    context = {
        "form": form,
        "wrong": form.wrong,
        "said": edits.say_delta(form.wrong.by),
        "preview": preview,
        "samples": [
            (sample, queries.thumbnail_url(sample.photo, "small"), sample.photo.is_day_only)
            for sample in preview.samples
        ],
        "fields": [(name, value) for name, value in fields.items() if name in form.fields and name != "with_decided"],
        "back_url": f"{reverse('gallery:clock')}?{fields.urlencode()}",
    }
    return render(request, "gallery/clock_preview.html", context)


@require_safe
def change_list(request: MemberRequest) -> HttpResponse:
    context = {"changes": changes.recent(request.user), "most": changes.LISTED}
    return render(request, "gallery/change_list.html", context)


@require_POST
def change_undo(request: MemberRequest, change_id: int) -> HttpResponse:
    change = get_or_404(changes.of(request.user), pk=change_id)
    try:
        undone = changes.undo_change(change, request.user)
    except changes.AlreadyUndone:
        messages.info(request, "That was undone before.")
    else:
        said = f"Undone: {_photos(undone.restored)} as before."
        if undone.left:
            said += f" {_photos(undone.left)} changed again since, and left as they are."
        messages.success(request, said)
    return back_to(request, reverse("gallery:change_list"))


def say(request: MemberRequest, change: Change) -> None:
    """A toast with a button that takes the change back."""
    messages.success(
        request,
        format_html(
            '{} <form class="toast-undo" method="post" action="{}">'
            '<input type="hidden" name="csrfmiddlewaretoken" value="{}"><button>Undo</button></form>',
            change.text,
            reverse("gallery:change_undo", args=[change.pk]),
            get_token(request),
        ),
    )


def _photos(count: int) -> str:
    return f"{count:,} {'photo' if count == 1 else 'photos'}"
