"""Why a face is where it is, and what people say about two faces."""

from __future__ import annotations

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from faces import access, pairs
from faces.models import Face
from faces.views import MemberRequest, number, say
from faces.why import why
from gallery.views import SeeOther, is_fragment, render_page


@require_safe
def face_why(request: MemberRequest, face_id: int) -> HttpResponse:
    """The nearest confirmed faces, the quality, and the rule that decided."""
    return _page(request, access.get_face(request.user, face_id))


@require_POST
def face_pair(request: MemberRequest, face_id: int) -> HttpResponse:
    """The face and the one of the field `other` are always one person (`same=1`), or never (`same=0`)."""
    face = access.get_face(request.user, face_id)
    other_id = number(request.POST.get("other"))
    if other_id is None or request.POST.get("same") not in {"0", "1"}:
        raise Http404
    other = access.get_face(request.user, other_id)
    is_same = request.POST["same"] == "1"
    try:
        event = pairs.set_pair(face, other, request.user, is_same=is_same)
    except pairs.NoPair as error:
        messages.error(request, str(error))
    else:
        if event:
            say(request, f"Remembered: these two are {'always one person' if is_same else 'never one person'}.", event)
    if is_fragment(request):
        return _page(request, access.get_face(request.user, face_id))
    return SeeOther(reverse("faces:face_why", args=[face.pk]))


def _page(request: MemberRequest, face: Face) -> HttpResponse:
    context = {"nav": "people", "why": why(request.user, face), "is_answer": request.method == "POST"}
    return render_page(request, "faces/face_why.html", "faces/_face_why.html", context)
