"""Views parse, call one query or service, and render. They reach data only through access, queries and services."""

from __future__ import annotations

import datetime as dt
from typing import Any

from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils.cache import patch_vary_headers
from django.utils.http import url_has_allowed_host_and_scheme
from django_htmx.middleware import HtmxDetails


class MemberRequest(HttpRequest):
    """What views get: someone is signed in (LoginRequiredMiddleware) and htmx was looked for."""

    user: User
    htmx: HtmxDetails


def is_fragment(request: HttpRequest) -> bool:
    """Whether htmx asks for a part of a page. When it restores its history it wants the whole page."""
    htmx: HtmxDetails | None = getattr(request, "htmx", None)
    return htmx is not None and bool(htmx) and not htmx.history_restore_request


def render_page(
    request: HttpRequest, page: str, fragment: str, context: dict[str, Any], *, status: int = 200
) -> HttpResponse:
    """The whole page, or its fragment for htmx, under the same address."""
    response = render(request, fragment if is_fragment(request) else page, context, status=status)
    patch_vary_headers(response, ["HX-Request"])
    return response


class SeeOther(HttpResponseRedirect):
    """303: the answer to a POST lies elsewhere, and is fetched with GET (RFC 9110, 15.4.4)."""

    status_code = 303


def back_to(request: HttpRequest, otherwise: str) -> HttpResponse:
    """303 to the page that a form names in its field `next`, if it is one of ours."""
    target = request.POST.get("next", "")
    if not url_has_allowed_host_and_scheme(target, allowed_hosts=None):
        target = otherwise
    return SeeOther(target)


def moment(text: str) -> dt.datetime | None:
    """The moment that one of our own forms carries, in UTC, which is also what it is if it names no zone.

    None for what is none, and for one that lies outside the calendar in UTC.
    """
    try:
        read = dt.datetime.fromisoformat(text)
        return read.astimezone(dt.UTC) if read.tzinfo else read.replace(tzinfo=dt.UTC)
    except (ValueError, OverflowError):
        return None


def photo_ids(request: HttpRequest) -> list[int]:
    """The ids of the photos that a form selects; what is no id is left out."""
    return [
        int(value)
        for value in request.POST.getlist("photo")
        if value.isascii() and value.isdecimal() and len(value) < 19
    ]
