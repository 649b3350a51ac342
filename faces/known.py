"""Whom of the people of a decision its reader may know by name, also when they were found to be somebody else since."""

from __future__ import annotations

from collections.abc import Iterable

from faces.access import faces_visible_to, people_visible_to
from faces.deciding import chunks, merges, survivor_of
from faces.models import Event, Person
from gallery.access import Viewer

_FIRST = 20


def known_people(viewer: Viewer, person_ids: Iterable[int]) -> dict[int, str]:
    """Those of the people whom the viewer sees, and their names.

    Of somebody who was merged, the viewer must see the one they are now, and a face that came along (`access.survivor`,
    which this is for many at once). Five queries, however many people, and one for every `CHUNK` faces that came along.
    """
    wanted = set(person_ids)
    if not wanted:
        return {}
    went = merges()
    ends = {pk: survivor_of(pk, went) for pk in wanted}
    rows = people_visible_to(viewer).filter(pk__in=set(ends.values())).order_by()
    there = set(rows.values_list("pk", flat=True))
    merged = {pk for pk in wanted & went.keys() if ends[pk] in there}
    came: dict[int, list[int]] = {}
    entries = Event.objects.filter(kind=Event.Kind.MERGE, undone_at=None, person__in={went[pk] for pk in merged})
    for into, before in entries.order_by().values_list("person_id", "before"):
        came |= {row["id"]: row["faces"] for row in before["people"] if row["id"] in merged and went[row["id"]] == into}
    known = wanted & there
    # Nearly always one of the first faces is seen; only of the other people all are looked for.
    for most in (_FIRST, None):
        open_faces = {pk: faces[:most] for pk, faces in came.items() if pk not in known}
        seen: set[int] = set()
        for part in chunks(face for faces in open_faces.values() for face in faces):
            seen.update(faces_visible_to(viewer).filter(pk__in=part).order_by().values_list("pk", flat=True))
        known |= {pk for pk, faces in open_faces.items() if not seen.isdisjoint(faces)}
        if all(len(faces) <= _FIRST for pk, faces in came.items() if pk not in known):
            break
    return dict(Person.objects.filter(pk__in=known).order_by().values_list("pk", "name"))


def known_merged(viewer: Viewer) -> dict[int, str]:
    """Everybody who was merged and whom the viewer may know: a query more than `known_people`."""
    return known_people(viewer, merges())
