"""Pages of albums (`albums`) and what is done to the photos in them (`items`)."""

from __future__ import annotations

from django.contrib.auth.models import User
from django.http import HttpRequest
from django_htmx.middleware import HtmxDetails


class MemberRequest(HttpRequest):
    """A request of somebody who is signed in: the middleware lets nobody else come so far."""

    user: User
    htmx: HtmxDetails
