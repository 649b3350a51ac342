"""Pages of people (`people`), of suggestions (`suggestions`), and pictures of faces (`pictures`)."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.auth.models import User
from django.http import HttpRequest
from django.middleware.csrf import get_token
from django.urls import reverse
from django.utils.html import format_html
from django_htmx.middleware import HtmxDetails

from faces.models import Event


class MemberRequest(HttpRequest):
    """A request of somebody who is signed in: the middleware lets nobody else come so far."""

    user: User
    htmx: HtmxDetails


def say(request: HttpRequest, text: str, event: Event | None = None) -> None:
    """A toast; with an entry of the journal it has a button that takes it back."""
    if event is None:
        messages.success(request, text)
        return
    messages.success(
        request,
        format_html(
            '{} <form class="toast-undo" method="post" action="{}">'
            '<input type="hidden" name="csrfmiddlewaretoken" value="{}"><button>Undo</button></form>',
            text,
            reverse("faces:event_undo", args=[event.pk]),
            get_token(request),
        ),
    )


def number(text: str | None) -> int | None:
    """An id in an address or a form; None if it is none."""
    return int(text) if text and text.isascii() and text.isdecimal() and len(text) < 19 else None
