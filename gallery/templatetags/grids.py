"""Tags that print what pages have hundreds of: tiles, months still to be loaded, the list of months to jump to, towns.

They are written as format strings because a template's lookups, several thousand for a timeline, would take longer than
the database. Everything that is not a number or made by us is escaped.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

from django import template
from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe

from gallery.months import Rest, Section, Year
from gallery.place_list import Town
from gallery.queries import Sign, Tile
from gallery.templatetags.pictopy import icon

register = template.Library()

_TILE = (
    '<div class="{classes}" id="p{id}"><a href="{url}"><img src="{src}" srcset="{srcset}"'
    ' sizes="auto, (width &lt; 46rem) 34vw, 20rem" width="{width}" height="{height}" alt="{alt}"'
    ' loading="lazy" decoding="async"></a><input class="tile-select" type="checkbox" form="selection" name="photo"'
    ' value="{id}" aria-label="Select: {alt}">{signs}</div>\n'
)
_SIGN = '<span title="{says}">{icon}<span class="visually-hidden">{says}</span>{text}</span>'
# The span reaches beyond the box; htmx loads what is to come when it comes into view. The link is for all others.
_REST = (
    '<div class="rest"><div class="more {classes}"><span class="near" hx-get="{url}" hx-trigger="intersect once"'
    ' hx-target="closest .rest" hx-swap="outerHTML"></span><a href="{url}" rel="next">{text}</a></div></div>'
)
_SECTION = (
    '<section class="month" id="{anchor}" aria-labelledby="{anchor}-title"><h2 class="month-title" id="{anchor}-title">'
    '{title} <span class="meta">{count:,}</span></h2>{earlier}<div class="grid">{grid}</div></section>\n'
)
_YEAR = '<li class="jump-year"><a class="jump-year-link" href="#{anchor}">{title}</a>{months}</li>\n'
_MONTH = '<li><a href="#{anchor}" aria-label="{title}, {photos}"><span>{short}</span></a></li>'
_TOWN = (
    '<li><a class="cover" href="{url}"><span class="cover-picture {tint}">{picture}</span><b>{name}</b>'
    '<span class="meta">{about}</span></a></li>\n'
)
_COVER = '<img src="{src}" width="480" height="480" alt="" loading="lazy" decoding="async">'


@register.simple_tag
def tile_list(tiles: Iterable[Tile]) -> SafeString:
    """The photos of a grid."""
    return mark_safe("".join(map(_tile, tiles)))


@register.simple_tag
def rest(item: Rest) -> SafeString:
    """What of a month is still to be loaded, as high as it will be."""
    return mark_safe(_rest(item.url, f"Show {_photos(item.count, 'more ')}", item.sum_class))


@register.simple_tag
def more(url: str) -> SafeString:
    """The next page of a grid."""
    return mark_safe(_rest(url, "Show more photos"))


@register.simple_tag
def month_sections(sections: Iterable[Section]) -> SafeString:
    """All months of the timeline."""
    return mark_safe("".join(map(_section, sections)))


@register.simple_tag
def jump_list(years: Iterable[Year]) -> SafeString:
    """Links to all months, by year."""
    return mark_safe("".join(map(_year, years)))


@register.simple_tag
def town_list(towns: Iterable[Town]) -> SafeString:
    """The towns of a country by their covers."""
    return mark_safe("".join(map(_town, towns)))


def _tile(tile: Tile) -> str:
    signs = "".join(map(_sign, tile.signs))
    return _TILE.format(
        classes=tile.classes,
        id=tile.id,
        url=escape(tile.url),
        src=tile.src,
        srcset=tile.srcset,
        width=tile.width,
        height=tile.height,
        alt=escape(tile.alt),
        signs=f'<span class="tile-signs">{signs}</span>' if signs else "",
    )


@lru_cache(maxsize=1024)
def _sign(sign: Sign) -> str:
    drawing = icon(sign.icon, sign.icon) if sign.icon else ""
    text = f'<span class="tile-text">{escape(sign.text)}</span>' if sign.text else ""
    return _SIGN.format(says=escape(sign.says), icon=drawing, text=text)


def _rest(url: str, text: str, classes: str = "") -> str:
    return _REST.format(url=escape(url), text=text, classes=classes)


def _section(section: Section) -> str:
    month = section.month
    grid = ""
    if section.rest:
        text = f"Show {_photos(section.rest.count, 'more ' if section.tiles else '')}"
        grid = _rest(section.rest.url, text, section.rest.sum_class)
    if section.tiles:
        grid = f'<div class="chunk">{"".join(map(_tile, section.tiles))}{grid}</div>'
    earlier = ""
    if section.earlier:
        text = f"Show the {section.earlier:,} newer photos of {month.title}"
        earlier = f'<p class="month-earlier"><a href="{month.url}">{text}</a></p>'
    return _SECTION.format(anchor=month.anchor, title=month.title, count=month.count, earlier=earlier, grid=grid)


def _year(year: Year) -> str:
    months = "".join(
        _MONTH.format(anchor=month.anchor, title=month.title, photos=_photos(month.count), short=month.short)
        for month in year.months
        if month.number
    )
    return _YEAR.format(anchor=year.months[0].anchor, title=year.title, months=f"<ol>{months}</ol>" if months else "")


def _town(town: Town) -> str:
    return _TOWN.format(
        url=escape(town.url),
        tint=town.tint,
        picture=_COVER.format(src=town.cover_url) if town.cover_url else icon("location"),
        name=escape(town.name),
        about=escape(town.about),
    )


def _photos(count: int, more: str = "") -> str:
    return f"{count:,} {more}{'photo' if count == 1 else 'photos'}"
