"""Who looks like a person, among those who have a name: the two may be one, named twice."""

from __future__ import annotations

import numpy as np
from django.db.models import Exists, F, OuterRef, QuerySet, Window
from django.db.models.functions import RowNumber

from faces.access import faces_visible_to
from faces.company import compared
from faces.limits import CORE_QUALITY
from faces.models import Face, FacePair, Person
from faces.people import PersonCard, cards_of
from faces.rules import rules_of
from faces.similarity import Vectors, distances, unit_vectors
from gallery.access import Viewer

MOST_ALIKE = 6
# Of each person so many of the best confirmed faces are compared.
_FACES_EACH = 3
# Faces that are read at most, those of the people named last first: about 0.1 s.
_MOST_FACES = 6000


def look_alikes(viewer: Viewer, person: Person, *, most: int = MOST_ALIKE) -> list[PersonCard]:
    """Other people who look like a person whom the viewer sees, the one most alike first.

    The mean distance of their best confirmed faces decides. Up to halfway from `Rules.reach`, within which groups are
    one, to 1, where strangers are: a person looks, and nothing follows from it. Left out are hidden people, who stands
    beside the person in a photo, and of whom somebody said "never these two". All of it by what the viewer sees. At
    most a dozen queries.
    """
    mine = _good_faces(viewer).filter(person=person)
    model = mine.order_by("-quality", "pk").values_list("model", flat=True).first()
    rules = rules_of(model) if model else None
    if rules is None:
        return []
    own = _looks(mine.filter(model=model), 0).get(person.pk)
    if own is None:
        return []
    limit = (rules.reach + 1) / 2
    theirs = _good_faces(viewer).filter(model=model, person__hidden=False, person__merged_into=None)
    others = _looks(theirs.exclude(person__in=[person.pk, *_never(viewer, person)]), own.nbytes)
    # The mean distance of all pairs is that of the mean vectors.
    apart = distances(np.array(list(others.values()), dtype=np.float32).reshape(-1, len(own)), own)
    near = sorted((distance, pk) for pk, distance in zip(others, apart, strict=True) if distance <= limit)
    found = Person.objects.in_bulk([pk for _, pk in near[: 2 * most]])
    cards = compared(viewer, person, cards_of(viewer, [found[pk] for _, pk in near[: 2 * most] if pk in found]))
    return [card for card in cards if not card.together][:most]


def _never(viewer: Viewer, person: Person) -> set[int]:
    """People of whom somebody said that a confirmed face of theirs and one of the person are never one, if the viewer
    sees both. Two queries."""
    seen = faces_visible_to(viewer).filter(is_confirmed=True)
    never = FacePair.objects.filter(Exists(seen.filter(pk=OuterRef("one"))), Exists(seen.filter(pk=OuterRef("other"))))
    ones = never.filter(is_same=False, other__person=person).values_list("one__person", flat=True)
    others = never.filter(is_same=False, one__person=person).values_list("other__person", flat=True)
    return {pk for pk in (*ones, *others) if pk}


def _good_faces(viewer: Viewer) -> QuerySet[Face]:
    """Confirmed faces that show their person well."""
    return faces_visible_to(viewer).filter(is_confirmed=True, person__isnull=False, quality__gte=CORE_QUALITY)


def _looks(faces: QuerySet[Face], length: int) -> dict[int, Vectors]:
    """The mean of the best of the faces of each person, float32 (d,), by person, of those whose embedding has `length`
    bytes (0: as many as most of them have). One query.
    """
    rank = Window(RowNumber(), partition_by=[F("person")], order_by=[F("quality").desc(), F("pk")])
    best = faces.alias(rank=rank).filter(rank__lte=_FACES_EACH).order_by("-person_id", "pk")
    chosen = Face.objects.filter(pk__in=best.values("pk")[:_MOST_FACES], person__isnull=False).order_by(
        "person_id", "pk"
    )
    rows = [(person_id, bytes(data or b"")) for person_id, data in chosen.values_list("person_id", "embedding")]
    lengths = [len(data) for _, data in rows if data and len(data) % 4 == 0]
    if not lengths:
        return {}
    vectors, are_some = unit_vectors([data for _, data in rows], length=length or max(lengths, key=lengths.count))
    if not are_some.any():
        return {}
    people = np.array([person_id for person_id, _ in rows])[are_some]
    found, starts, counts = np.unique(people, return_index=True, return_counts=True)
    means = np.add.reduceat(vectors[are_some], starts, axis=0) / counts[:, None].astype(np.float32)
    return dict(zip(found.tolist(), means, strict=True))
