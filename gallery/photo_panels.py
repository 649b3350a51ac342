"""Panels: what other apps add to the photo page, so that the page knows none of them.

A panel is a function that gets the viewer and the photo and answers a `Panel`, or None when it has nothing to say:

    def people_panel(viewer: Viewer, photo: Photo) -> Panel | None:
        faces = queries.faces_in(viewer, photo)
        boxes = [PhotoBox(kind="face", x=face.x, y=face.y, w=face.w, h=face.h, name=..., url=...) for face in faces]
        return Panel(template="faces/_photo_people.html", context={"faces": faces}, boxes=boxes)

    # in AppConfig.ready()
    photo_panels.register("people", people_panel, order=10, stylesheet="css/photo-people.css")

The template is rendered inside the details column with the panel's context, `photo` and `photo_set`; start it with
`<section class="panel"><h2>People</h2>…`. The boxes are drawn over the photo. The viewer may see the photo when a panel
is asked; what else a panel shows (an album, a person) it must narrow to what the viewer may see itself. A constant
number of queries, please: the page is opened very often.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from gallery.access import Viewer
from gallery.models import Photo


@dataclass(frozen=True, slots=True)
class PhotoBox:
    """A rectangle over the photo, relative (0..1) to the upright picture. Without `url` it is no link."""

    kind: Literal["face", "object"]
    x: float
    y: float
    w: float
    h: float
    name: str
    url: str = ""


@dataclass(frozen=True, slots=True)
class Panel:
    """One part of the details column; an empty `template` adds only boxes."""

    template: str = ""
    context: dict[str, Any] = field(default_factory=dict)
    boxes: list[PhotoBox] = field(default_factory=list)


PanelMaker: TypeAlias = Callable[[Viewer, Photo], Panel | None]
_makers: dict[str, tuple[int, PanelMaker, str]] = {}


def register(name: str, maker: PanelMaker, *, order: int = 100, stylesheet: str = "") -> None:
    """Adds a panel; lower `order` stands higher. Registering a name again replaces it. Call it from `ready()`.

    `stylesheet`: a static file that the photo page loads for it, whichever photo it opens with.
    """
    _makers[name] = (order, maker, stylesheet)


def stylesheets() -> list[str]:
    """Static files for all panels."""
    return [stylesheet for _, _, stylesheet in _makers.values() if stylesheet]


def panels(viewer: Viewer, photo: Photo) -> list[Panel]:
    """All panels that have something to say about this photo, in order."""
    made = (maker(viewer, photo) for _, maker, _ in sorted(_makers.values(), key=lambda entry: entry[0]))
    return [panel for panel in made if panel is not None]
