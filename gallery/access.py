"""The one door to data: what a viewer may see and may change.

Views and services of every app start from these querysets. What is not allowed looks exactly like what is not there:
the `get_*` functions raise `Http404` for both.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias, TypeVar

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.core.exceptions import ObjectDoesNotExist
from django.db import DataError
from django.db.models import Exists, Model, OuterRef, Q, QuerySet
from django.http import Http404

from gallery.models import Library, Photo, Upload

Viewer: TypeAlias = AbstractBaseUser | AnonymousUser
M = TypeVar("M", bound=Model)


def libraries_visible_to(viewer: Viewer) -> QuerySet[Library]:
    """Household libraries and the viewer's own. Nobody signed in: none."""
    if not viewer.is_authenticated or not getattr(viewer, "is_active", False):
        return Library.objects.none()
    return Library.objects.filter(Q(visibility=Library.Visibility.HOUSEHOLD) | Q(owner_id=viewer.pk))


def libraries_editable_by(viewer: Viewer) -> QuerySet[Library]:
    """The viewer's own libraries; for administrators (staff) the household's as well, but nobody's private ones."""
    visible = libraries_visible_to(viewer)
    return visible if getattr(viewer, "is_staff", False) else visible.filter(owner_id=viewer.pk)


def visible_library_ids(viewer: Viewer) -> list[int]:
    """Ids of the libraries the viewer may see.

    As constants they let the database walk the timeline index in order; a subquery would make it sort.
    """
    return list(visible_revisions(viewer))


def visible_revisions(viewer: Viewer) -> dict[int, int]:
    """The revision of each library the viewer may see, by its id.

    One query for each viewer object, which lives as long as a request.
    """
    cached: dict[int, int] | None = getattr(viewer, "_visible_revisions", None)
    if cached is None:
        cached = dict(libraries_visible_to(viewer).order_by("id").values_list("id", "revision"))
        viewer._visible_revisions = cached  # type: ignore[union-attr]
    return cached


def visible_to(viewer: Viewer) -> QuerySet[Photo]:
    """Photos that the viewer may see: read, not in the trash, in a visible library."""
    return shown_in(visible_library_ids(viewer))


def shown_in(library_ids: Sequence[int]) -> QuerySet[Photo]:
    """What these libraries show to those who may see them: photos that were read and are not in the trash."""
    return Photo.objects.filter(library_id__in=library_ids, imported_at__isnull=False, trashed_at__isnull=True)


def editable_by(viewer: Viewer) -> QuerySet[Photo]:
    """Photos whose data the viewer may change for everyone, also those that could not be read yet."""
    return Photo.objects.filter(library__in=libraries_editable_by(viewer))


def may_edit(viewer: Viewer, photo: Photo) -> bool:
    """Whether the viewer may change this photo, which they see, for everyone: one query."""
    return libraries_editable_by(viewer).filter(pk=photo.library_id).exists()


def may_edit_some(viewer: Viewer) -> bool:
    """Whether there are photos that the viewer may change for everyone.

    One query for each viewer object, which lives as long as a request; none for administrators.
    """
    if getattr(viewer, "is_staff", False):
        return True
    cached: bool | None = getattr(viewer, "_may_edit_some", None)
    if cached is None:
        cached = viewer._may_edit_some = libraries_editable_by(viewer).exists()  # type: ignore[union-attr]
    return cached


def get_or_404(rows: QuerySet[M], **lookup: Any) -> M:
    """The one row of `rows` that matches; Http404 with no detail when there is none."""
    try:
        return rows.get(**lookup)
    except (ObjectDoesNotExist, ValueError, OverflowError, DataError):  # also numbers and characters no column can hold
        raise Http404 from None


def libraries_uploadable_by(viewer: Viewer) -> QuerySet[Library]:
    """Libraries for uploads that the viewer may add photos to: their own, and those of the household for every member.

    Adding is for all; what is there, only `libraries_editable_by` may put into the trash and delete.
    """
    return libraries_visible_to(viewer).filter(kind=Library.Kind.MANAGED).exclude(state=Library.State.LEAVING)


def uploads_of(viewer: Viewer) -> QuerySet[Upload]:
    """The viewer's own uploads, while they may add to the library. Nobody else has anything to do with them."""
    return Upload.objects.filter(user_id=viewer.pk or 0, library__in=libraries_uploadable_by(viewer))


def removable_by(viewer: Viewer) -> QuerySet[Photo]:
    """Photos that the viewer may put into the trash (managed) or hide (external): shown ones they may change."""
    return editable_by(viewer).filter(imported_at__isnull=False, trashed_at__isnull=True)


def trashed_for(viewer: Viewer) -> QuerySet[Photo]:
    """Photos in the trash, or hidden, that the viewer may bring back; not those that are being deleted for good."""
    return editable_by(viewer).filter(trashed_at__isnull=False, purge_asked_at__isnull=True)


def pictures_visible_to(viewer: Viewer) -> QuerySet[Photo]:
    """Photos whose small pictures the viewer may see: `visible_to`, and what lies in the trash that is theirs."""
    shown = Q(trashed_at__isnull=True, library_id__in=visible_library_ids(viewer))
    trashed = Q(trashed_at__isnull=False, library__in=libraries_editable_by(viewer))
    return Photo.objects.filter(shown | trashed, imported_at__isnull=False)


@dataclass(frozen=True, slots=True)
class Rights:
    """What the viewer may do somewhere, for the links of a page; whether they may do it here, the functions above say.

    `trashes`: put photos of a managed library into the trash; `hides`: hide photos of an external one.
    """

    uploads: bool
    trashes: bool
    hides: bool


def rights(viewer: Viewer) -> Rights:
    """One query for each viewer object, which lives as long as a request."""
    cached: Rights | None = getattr(viewer, "_rights", None)
    if cached is None:
        may_edit = Exists(libraries_editable_by(viewer).filter(pk=OuterRef("pk")))
        rows = libraries_visible_to(viewer).order_by().annotate(may_edit=may_edit)
        found = set(rows.values_list("kind", "may_edit").distinct())
        managed, external = Library.Kind.MANAGED, Library.Kind.EXTERNAL
        cached = Rights(
            uploads=any(kind == managed for kind, _ in found),
            trashes=(managed, True) in found,
            hides=(external, True) in found,
        )
        viewer._rights = cached  # type: ignore[union-attr]
    return cached


def removal(viewer: Viewer, photo: Photo) -> str:
    """`trash` for a photo that the viewer may put there, `hide` for one they may hide, else empty. One query."""
    kind = removable_by(viewer).filter(pk=photo.pk).values_list("library__kind", flat=True).first()
    return "" if kind is None else "trash" if kind == Library.Kind.MANAGED else "hide"
