"""Drawing a face that was missed: a box over the photo, and a name."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse, QueryDict
from django.shortcuts import render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_http_methods

from faces import drawing, panels, people, services
from faces.forms import DrawForm
from faces.views import MemberRequest, say
from gallery import alt_text, photo_facts, queries
from gallery.access import get_or_404, visible_to
from gallery.models import Photo
from gallery.views import back_to

# How wide the picture is on which somebody without scripts clicks; static/css/face-drawing.css says so too.
CLICK_PX = 320


@require_http_methods(["GET", "HEAD", "POST"])
def face_draw(request: MemberRequest, photo_id: int) -> HttpResponse:
    """Shows the photo to draw on, and adds what was drawn. Without scripts two clicks make the box, sent by GET."""
    photo = get_or_404(visible_to(request.user), pk=photo_id)
    form = DrawForm(request.POST if request.method == "POST" else None, photo=photo)
    asked: list[people.PersonCard] = []
    if form.is_valid():
        try:
            drawn = drawing.draw_face(
                photo, form.cleaned_data["box"], request.user, name=form.cleaned_data["name"], **form.choice()
            )
        except services.SameName as error:
            asked = people.cards_of(request.user, error.people)
        except services.NothingToName as error:
            form.add_error("name", str(error))
        except drawing.WrongBox as error:
            form.add_error(None, str(error))
        else:
            _tell(request, drawn)
            return back_to(request, f"{photo.get_absolute_url()}#_photo_people")
    return _page(request, photo, form, asked)


def _tell(request: MemberRequest, drawn: drawing.Drawn) -> None:
    if drawn.is_as_before:
        text = f"This face is known already: {drawn.person.name}." if drawn.person else "This face is known already."
    elif drawn.person:
        name = drawn.person.name
        text = f"There was a face here already: it is {name} now." if drawn.was_there else f"This is {name}."
    elif drawn.was_there:
        text = "This is a face again. Who is it?"
    else:
        text = "A face was added. Who is it?"
    say(request, text, drawn.event)


def _page(request: MemberRequest, photo: Photo, form: DrawForm, asked: list[people.PersonCard]) -> HttpResponse:
    clicks = _clicks(request.GET, photo)
    values = {name: form.data.get(name, "") for name in DrawForm.NUMBERS} if form.is_bound else clicks["values"]
    box = form.box_of(values)
    panel = panels.people_panel(request.user, photo)
    context = {
        "nav": "people",
        "photo": photo,
        "form": form,
        "asked": asked,
        "values": values,
        "corner": clicks["corner"],
        "click_px": CLICK_PX,
        "alt": alt_text.describe([photo], request.user)[photo.pk],
        "large_url": queries.thumbnail_url(photo, "large"),
        "medium_url": queries.thumbnail_url(photo, "medium"),
        "known": photo_facts.overlay(photo, panel.boxes),
        "drawn": _pixels(photo, box),
        "names": people.person_names(request.user),
        "next": _next(request),
        "back": _next(request) or photo.get_absolute_url(),
        "again": f"{reverse('faces:face_draw', args=[photo.pk])}?{_query(next=_next(request))}",
    }
    return render(request, "faces/face_draw.html", context, status=422 if form.is_bound else 200)


def _pixels(photo: Photo, box: drawing.DrawnBox | None) -> dict[str, int] | None:
    """A box in pixels of the photo, as the drawing over it counts."""
    if box is None:
        return None
    width, height = photo.width or 1, photo.height or 1
    return {
        "x": round(box.x * width),
        "y": round(box.y * height),
        "w": max(1, round(box.w * width)),
        "h": max(1, round(box.h * height)),
    }


def _clicks(query: QueryDict, photo: Photo) -> dict[str, Any]:
    """What clicks on the picture say: after the first a corner, after the second the box between them, in percent."""
    none = dict.fromkeys(DrawForm.NUMBERS, "")
    height_px = CLICK_PX * (photo.height or 1) / (photo.width or 1)
    try:
        x, y = (min(max(int(str(query[f"at.{axis}"])), 0), 10_000) for axis in "xy")
    except (KeyError, ValueError):
        return {"corner": None, "values": none}
    here = min(100 * x / CLICK_PX, 100), min(100 * y / height_px, 100)
    try:
        left, top = (min(max(float(str(query[f"corner_{axis}"])), 0), 100) for axis in "xy")
    except (KeyError, ValueError):
        return {"corner": {"x": f"{here[0]:.2f}", "y": f"{here[1]:.2f}"}, "values": none}
    box = min(left, here[0]), min(top, here[1]), abs(left - here[0]), abs(top - here[1])
    return {
        "corner": None,
        "values": {name: f"{value:.2f}" for name, value in zip(DrawForm.NUMBERS, box, strict=True)},
    }


def _next(request: MemberRequest) -> str:
    target = request.POST.get("next") or request.GET.get("next") or ""
    return target if url_has_allowed_host_and_scheme(target, allowed_hosts=None) else ""


def _query(**values: str) -> str:
    query = QueryDict(mutable=True)
    query.update({name: value for name, value in values.items() if value})
    return query.urlencode()
