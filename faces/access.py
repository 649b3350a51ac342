"""The one door to faces and people: what a viewer sees of them follows from the photos that the viewer sees.

People belong to the household, but a person or a suggestion without a single face in a photo that the viewer may see
does not exist for that viewer. Who sees a face of it may name, rename and correct it.
"""

from __future__ import annotations

from collections.abc import Sequence

from django.db.models import Exists, OuterRef, Q, QuerySet
from django.http import Http404

from faces.models import Cluster, Event, Face, Person
from faces.noted import MovedFaces
from gallery.access import Viewer, get_or_404, shown_in, visible_to
from gallery.models import Library

# Ids in one statement: SQLite takes 32,766 parameters.
_PORTION = 5000


def faces_visible_to(viewer: Viewer) -> QuerySet[Face]:
    """Faces in photos that the viewer may see.

    A correlated EXISTS: a page asks for few faces, and each costs one look at its photo; an IN would list all photos.
    """
    return Face.objects.filter(Exists(visible_to(viewer).filter(pk=OuterRef("photo_id"))))


def faces_in_libraries(library_ids: Sequence[int]) -> QuerySet[Face]:
    """Faces in photos that these libraries show: what all see who see the libraries."""
    return Face.objects.filter(Exists(shown_in(library_ids).filter(pk=OuterRef("photo_id"))))


def people_visible_to(viewer: Viewer) -> QuerySet[Person]:
    """People with at least one face that the viewer sees, hidden ones as well."""
    return Person.objects.filter(Exists(faces_visible_to(viewer).filter(person_id=OuterRef("pk"))))


def clusters_visible_to(viewer: Viewer) -> QuerySet[Cluster]:
    """Suggestions with at least two faces that the viewer sees, one of them nobody's yet.

    A face that the viewer sees alone is in no group for them: the others are in photos that do not exist for them.
    Those of a group that were named since still count, so that the last one stays a suggestion.
    """
    faces = faces_visible_to(viewer).filter(cluster_id=OuterRef("pk")).order_by()
    unnamed = unnamed_visible_to(viewer).filter(cluster_id=OuterRef("pk"))
    return Cluster.objects.filter(Exists(unnamed), Exists(faces[1:2]))


def unnamed_visible_to(viewer: Viewer) -> QuerySet[Face]:
    """Visible faces that are nobody's yet."""
    return faces_visible_to(viewer).filter(state=Face.State.UNKNOWN)


def get_person(viewer: Viewer, person_id: int) -> Person:
    """The person if the viewer sees a face of theirs; Http404 otherwise."""
    return get_or_404(people_visible_to(viewer), pk=person_id)


def get_person_now(viewer: Viewer, person_id: int) -> Person:
    """The person, or whom they were found to be; Http404 as for `get_person`."""
    person = people_visible_to(viewer).filter(pk=person_id).first() or survivor(viewer, person_id)
    if person is None:
        raise Http404
    return person


def survivor(viewer: Viewer, person_id: int) -> Person | None:
    """Whom a person was found to be, if the viewer sees that one, and a face that came to them with the merge.

    Without such a face the two have nothing to do with each other as far as the viewer knows. One query if nobody was
    merged, else a few for every merge on the way.
    """
    person = Person.objects.filter(pk=person_id, merged_into__isnull=False).first()
    if person is None or not was_in(faces_visible_to(viewer), person):
        return None
    seen: set[int] = set()
    while person is not None and person.merged_into_id and person.pk not in seen:
        seen.add(person.pk)
        person = Person.objects.filter(pk=person.merged_into_id).first()
    return people_visible_to(viewer).filter(pk=person.pk).first() if person else None


def was_in(faces: QuerySet[Face], merged: Person) -> bool:
    """Whether one of the faces was the person's when they were merged into another. Two queries."""
    entries = Event.objects.filter(kind=Event.Kind.MERGE, person=merged.merged_into_id, undone_at__isnull=True)
    for before in entries.values_list("before", flat=True):
        for entry in before["people"]:
            if entry["id"] == merged.pk:
                ids = entry["faces"]
                parts = (ids[start : start + _PORTION] for start in range(0, len(ids), _PORTION))
                return any(faces.filter(pk__in=part).exists() for part in parts)
    return False


def get_cluster(viewer: Viewer, cluster_id: int) -> Cluster:
    """The suggestion if it is one for the viewer; Http404 otherwise."""
    return get_or_404(clusters_visible_to(viewer), pk=cluster_id)


def get_face(viewer: Viewer, face_id: int) -> Face:
    """The face, with its photo, if the viewer sees the photo; Http404 otherwise."""
    return get_or_404(faces_visible_to(viewer).select_related("photo").defer("embedding", "landmarks"), pk=face_id)


# What these entries changed is the person, whoever sees which of their faces.
_ABOUT_THE_PERSON = [Event.Kind.RENAME, Event.Kind.HIDE, Event.Kind.BIRTH]
# Of these, what was said stays in the entry: it was for those who knew the person then.
_SAYS_WHAT_WAS = [Event.Kind.RENAME, Event.Kind.BIRTH]


def is_known_to_house(person: Person) -> bool:
    """Whether everybody in the house sees a face of the person: two queries."""
    shared = Library.objects.filter(visibility=Library.Visibility.HOUSEHOLD).values_list("pk", flat=True)
    return faces_in_libraries(list(shared)).filter(person=person).exists()


def faces_of_entry(viewer: Viewer, *, first: bool = False) -> QuerySet[Face]:
    """The faces that an entry of the journal is about and that the viewer sees, for subqueries of `Event`.

    `first`: of an entry about many, a few only, which is soon known.
    """
    return faces_visible_to(viewer).filter(pk__in=MovedFaces(OuterRef("before"), first=first))


def journal_visible_to(viewer: Viewer) -> QuerySet[Event]:
    """Entries about people whom the viewer sees, and, if they are about faces, about at least one that they see.

    Otherwise an entry would tell that somebody whom all know is in a photo that they may not know of; an entry about a
    pair tells of both its faces. A person who is gone, or was found to be another, is no secret to who sees a face that
    the entry moved. What was said of them without faces is left to whoever said it, and so are names and dates of birth
    from before the house knew the person (`known` in `before`).
    """
    return _journal(viewer, Exists(people_visible_to(viewer).filter(pk=OuterRef("person_id"))))


def _journal(viewer: Viewer, seen: Exists | Q) -> QuerySet[Event]:
    """`seen`: whether the viewer sees the person of an entry."""
    is_gone = Q(person__isnull=True) | Q(person__merged_into__isnull=False)
    of_faces = Face.objects.filter(pk__in=MovedFaces(OuterRef("before")))
    moved = Exists(faces_of_entry(viewer, first=True)) | Exists(faces_of_entry(viewer))
    hidden = Exists(of_faces.exclude(Exists(visible_to(viewer).filter(pk=OuterRef("photo_id")))))
    told = ~Q(kind=Event.Kind.PAIR) | ~hidden
    own = Q(actor_id=viewer.pk)
    about = Q(kind__in=_ABOUT_THE_PERSON)
    was_open = ~Q(kind__in=_SAYS_WHAT_WAS) | Q(before__known=True)
    rules = Q(kind=Event.Kind.RULES, person__isnull=True)
    said = about & ((seen & (was_open | own)) | (is_gone & own))
    return Event.objects.filter(rules | said | (~about & moved & told & (seen | is_gone)))


# Entries that are judged at a time: a viewer who sees few of many has more and more of them looked at.
_MOST_ENTRIES = 2000


def newest_entries(viewer: Viewer, entries: QuerySet[Event], count: int) -> list[int]:
    """The newest of these entries that the viewer may know of: the last `count` ids, the last first.

    `journal_visible_to`, but looked for from the end: a database that is asked for the last of them may judge every
    entry before it sorts. Three queries, and as many for each portion in which too few were found.
    """
    found: list[int] = []
    portion, last = count, None
    while len(found) < count:
        rows = entries if last is None else entries.filter(pk__lt=last)
        part = list(rows.order_by("-pk").values_list("pk", "person_id")[:portion])
        people = {person_id for _, person_id in part if person_id is not None}
        seen = people_visible_to(viewer).filter(pk__in=people).order_by().values_list("pk", flat=True)
        known = _journal(viewer, Q(person__in=list(seen))).filter(pk__in=[pk for pk, _ in part])
        found += known.order_by("-pk").values_list("pk", flat=True)
        if len(part) < portion:
            break
        portion, last = min(3 * portion, _MOST_ENTRIES), part[-1][0]
    return found[:count]


def get_event(viewer: Viewer, event_id: int) -> Event:
    """An entry of the journal that the viewer may undo: their own, or for administrators any that they see.

    Whoever it is must see the person it is about. To its author it is enough to see a face that it moved: by that very
    decision the person may have lost the last face that they see. Of a person who was merged since, nobody may see a
    face: then the author is told what to take back first.
    """
    if getattr(viewer, "is_staff", False) and (event := journal_visible_to(viewer).filter(pk=event_id).first()):
        return event
    event = get_or_404(Event.objects.filter(actor_id=viewer.pk).select_related("person"), pk=event_id)
    person = event.person
    if person and (person.merged_into_id or people_visible_to(viewer).filter(pk=person.pk).exists()):
        return event
    if not Event.objects.filter(Exists(faces_of_entry(viewer)), pk=event.pk).exists():
        raise Http404
    return event
