"""Tags of the pages: icons, and small formats that no built-in filter has."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from functools import lru_cache
from html import escape

from django import template
from django.template import Context
from django.templatetags.static import static
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe
from django.utils.timesince import timesince

from gallery import access
from gallery.access import Rights
from gallery.models import Photo

register = template.Library()


@register.filter
def may_edit_some(viewer: access.Viewer) -> bool:
    """Whether to offer changes of photos at all."""
    return access.may_edit_some(viewer)


@register.simple_tag
def icon(name: str, css: str = "") -> SafeString:
    """The drawing `name` of static/img/icons.svg, hidden from screen readers: text or a label speaks."""
    return _icon(name, css)


@lru_cache(maxsize=256)
def _icon(name: str, css: str) -> SafeString:
    return format_html(
        '<svg class="icon{}" viewBox="0 0 24 24" width="20" height="20" aria-hidden="true"><use href="{}#{}"/></svg>',
        f" {css}" if css else "",
        static("img/icons.svg"),
        name,
    )


@register.simple_tag(takes_context=True)
def rights(context: Context) -> Rights:
    """What the viewer may do somewhere, for links and buttons. One query in each request."""
    return access.rights(context["user"])


@register.simple_tag(takes_context=True)
def removal(context: Context, photo: Photo) -> str:
    """What taking this photo away means for the viewer: `trash`, `hide`, or nothing when they may not. One query."""
    return access.removal(context["user"], photo)


@register.simple_tag
def datalist(element_id: str, values: Iterable[str]) -> SafeString:
    """What a text field offers while one types. Not a loop in a template: that takes 15 ms for a thousand names."""
    options = "".join(f'<option value="{escape(value)}"></option>' for value in values)
    return format_html('<datalist id="{}">{}</datalist>', element_id, mark_safe(options))


@register.filter
def ago(moment: dt.datetime) -> str:
    """How long ago: "3 hours ago"; "just now" within a minute."""
    if timezone.now() - moment < dt.timedelta(minutes=1):
        return "just now"
    return f"{timesince(moment, depth=1)} ago"


@register.filter
def thousands(number: int | None) -> str:
    """12345 -> 12,345."""
    return f"{number or 0:,}"
