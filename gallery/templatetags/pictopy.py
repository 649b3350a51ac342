"""Tags of the pages: icons, and small formats that no built-in filter has."""

from __future__ import annotations

from functools import lru_cache

from django import template
from django.templatetags.static import static
from django.utils.html import format_html
from django.utils.safestring import SafeString

from gallery import access

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


@register.filter
def thousands(number: int | None) -> str:
    """12345 -> 12,345."""
    return f"{number or 0:,}"
