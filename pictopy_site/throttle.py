"""How often somebody may be wrong about a password: settings of django-axes that need code."""

from __future__ import annotations

import ipaddress
from contextlib import suppress
from typing import Any

from axes.attempts import get_cool_off_threshold
from axes.handlers.database import AxesDatabaseHandler
from axes.models import AccessAttempt
from django.conf import settings
from django.db.models import Sum
from django.http import HttpRequest

_LONGEST_NAME = 150


class Handler(AxesDatabaseHandler):  # type: ignore[misc]  # axes has no types
    """Counts by name and address, as AXES_LOCKOUT_PARAMETERS says, and more generously by address alone.

    A household shares one address, and one forgetful child must not lock out the others; the second bound is for those
    who try many names. Signing in takes back only the failures of that name.
    """

    def get_failures(self, request: HttpRequest, credentials: dict[str, Any] | None = None) -> int:
        failures: int = super().get_failures(request, credentials)
        everybody = AccessAttempt.objects.filter(
            ip_address=request.axes_ip_address,  # type: ignore[attr-defined]  # set by axes
            attempt_time__gte=get_cool_off_threshold(request),
        ).aggregate(sum=Sum("failures_since_start"))["sum"]
        if (everybody or 0) >= settings.PICTOPY_ADDRESS_FAILURE_LIMIT:
            return max(failures, settings.AXES_FAILURE_LIMIT)
        return failures


def name(request: HttpRequest, credentials: dict[str, Any] | None) -> str | None:
    """The name that was tried, no longer than its column: PostgreSQL refuses longer ones."""
    given = (credentials or request.POST).get("username")
    return None if given is None else str(given).replace("\0", "")[:_LONGEST_NAME]


def address(request: HttpRequest) -> str | None:
    """The visitor's address. Behind a proxy (PICTOPY_HTTPS) it is the last one that the proxy added."""
    if settings.PICTOPY_HTTPS:
        last = request.headers.get("X-Forwarded-For", "").rpartition(",")[2].strip()
        with suppress(ValueError):
            return str(ipaddress.ip_address(last))
    found: str | None = request.META.get("REMOTE_ADDR")
    return found
