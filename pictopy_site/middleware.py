"""What every answer goes through: the names PictoPy answers under, and what browsers may keep."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Collection

from django.conf import settings
from django.core.exceptions import DisallowedHost
from django.http import HttpRequest, HttpResponse
from django.http.request import split_domain_port, validate_host
from django.utils.cache import patch_cache_control

Handler = Callable[[HttpRequest], HttpResponse]

# Nobody can register names below these, so they only ever lead to machines of one's own network.
_HOME_SUFFIXES = (".localhost", ".local", ".lan", ".home", ".home.arpa", ".internal", ".fritz.box")


def is_answered(host: str, listed: Collection[str]) -> bool:
    """Whether PictoPy answers under the name in `host`: numbers, names of a home network, and those in `listed`.

    Any other name in a browser's address may be a stranger's that was pointed at this machine, whose page could then
    read what PictoPy shows (DNS rebinding).
    """
    domain, _port = split_domain_port(host)
    if not domain:
        return False
    try:
        ipaddress.ip_address(domain.strip("[]"))
    except ValueError:
        pass
    else:
        return True
    name = domain.rstrip(".").lower()
    return "." not in name or name.endswith(_HOME_SUFFIXES) or validate_host(name, listed)


def is_this_machine(host: str) -> bool:
    """Whether the name in `host` leads every machine to itself, so that an address with it is of no use elsewhere."""
    domain = split_domain_port(host)[0].strip("[]").rstrip(".").lower()
    try:
        return ipaddress.ip_address(domain).is_loopback
    except ValueError:
        return domain == "localhost" or domain.endswith(".localhost")


class Names:
    """Refuses requests for a name that PictoPy does not answer under, and says which setting allows it."""

    def __init__(self, get_response: Handler) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        try:
            host = request.get_host()
        except DisallowedHost:
            host = ""
        if is_answered(host, settings.PICTOPY_ALLOWED_HOSTS):
            return self._get_response(request)
        return HttpResponse(
            f"PictoPy does not answer under the name {split_domain_port(host)[0] or 'in this address'}.\n\n"
            "Whoever runs it can allow the name: set PICTOPY_ALLOWED_HOSTS to it and restart PictoPy.\n",
            content_type="text/plain; charset=utf-8",
            status=400,
        )


class Private:
    """Pages of somebody who is signed in are not kept by the browser, so that Back after signing out shows none.

    A view that says itself what may be kept, as those of thumbnails and originals do, is left alone.
    """

    def __init__(self, get_response: Handler) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self._get_response(request)
        if not response.has_header("Cache-Control"):
            user = getattr(request, "user", None)
            if user is not None and user.is_authenticated:
                patch_cache_control(response, private=True, no_store=True)
        return response
