"""Questions about faces: which to ask a viewer, the one worth most first, and whether one is still open.

    for question in next_questions(viewer): ...      the next ones, best first
    find_question(viewer, key)                       one of them, if nobody answered it meanwhile
    open_faces(viewer, question)                     the faces that an answer is about

Four kinds: is this group that person ("group"), is this face ("face"), is this guess right ("guess"), and who is this
group ("who"). What is asked follows from what the last run of matching found, and is checked against all decisions
since. A viewer is asked about faces and people that they see, and what they do not see neither counts nor orders.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import cast

from django.db.models import BigIntegerField, Count, Exists, F, OuterRef, Q, QuerySet, Value

from faces.access import clusters_visible_to, faces_visible_to, people_visible_to, unnamed_visible_to
from faces.asking import Kind, worth
from faces.models import Cluster, Face, FacePair, Refusal
from faces.rules import Rules, all_rules
from faces.suggestions import largest
from gallery.access import Viewer

# How many of each kind are looked at, the largest groups and the nearest faces first.
MOST = 40
# How near to the limit a guess is worth a question, in parts of what lies between limit and reach; and from which worth
# on, where nothing contradicts it.
_NEAR_LIMIT = 1.0
_LEAST_WORTH = 0.2


@dataclass(frozen=True, slots=True)
class Question:
    """One question. `target` is a face for "face" and "guess", else a group; `face_count` what an answer settles."""

    kind: Kind
    target: int
    person_id: int | None
    person_name: str
    face_count: int
    worth: float

    @property
    def key(self) -> str:
        """Its name in addresses and forms: the same question has the same key."""
        return f"{self.kind}-{self.target}-{self.person_id or 0}"

    @property
    def is_group(self) -> bool:
        return self.kind in ("group", "who")

    @property
    def text(self) -> str:
        """The question, as it is asked."""
        if self.kind == "who":
            return "Who is this?"
        if self.face_count == 1:
            return f"Is this {self.person_name}?"
        return f"Are these {self.face_count} faces {self.person_name}?"


def next_questions(viewer: Viewer, *, skipped: Collection[str] = (), size: int | None = None) -> list[Question]:
    """Questions for a viewer, the one worth most first (`asking.worth`); those with a `skipped` key come last.

    Twelve queries, however many faces and people there are. Without `size` all that were looked at.
    """
    limits = all_rules()
    if not limits:
        return []
    found = [*_about_groups(viewer, limits), *_about_faces(viewer, limits), *_about_guesses(viewer, limits)]
    passed = set(skipped)
    found.sort(key=lambda it: (it.key in passed, -it.worth, it.key))
    return found[:size]


def has_questions(viewer: Viewer) -> bool:
    """Whether there is anything to ask: up to twelve queries, fewer where there is much."""
    limits = all_rules()
    kinds = (_about_groups, _about_faces, _about_guesses)
    return bool(limits) and any(True for kind in kinds for _ in kind(viewer, limits))


# ---- Groups


def _about_groups(viewer: Viewer, limits: dict[str, Rules]) -> Iterable[Question]:
    """The groups that have most open faces, near somebody or nobody: nine queries."""
    clusters = Cluster.objects.filter(model__in=limits)
    near = [pk for pk, _ in largest(viewer, clusters.filter(_near(viewer)), MOST)]
    counts = _counts(_undecided(unnamed_visible_to(viewer), "cluster__near_person"), near)
    columns = ("pk", "model", "near_person_id", "near_person__name", "near_distance")
    for pk, model, person_id, name, distance in Cluster.objects.filter(pk__in=counts).values_list(*columns):
        yield _question("group", pk, person_id, name, counts[pk], distance, limits[model])
    others = {pk: count for pk, count in largest(viewer, clusters.exclude(pk__in=counts), MOST) if count > 1}
    for pk, model in Cluster.objects.filter(pk__in=others).values_list("pk", "model"):
        yield _question("who", pk, None, "", others[pk], None, limits[model])


def _near(viewer: Viewer, person: str = "near_person") -> Q:
    """Rows that are near somebody whom the viewer sees and who is not hidden. A correlated EXISTS for each row."""
    people = people_visible_to(viewer).filter(pk=OuterRef(person), hidden=False, merged_into=None)
    return Q(Exists(people), **{f"{person}__isnull": False})


def _undecided(faces: QuerySet[Face], person: str) -> QuerySet[Face]:
    """Those of the faces of which nobody said that they are not `person`, a column or a path from the face.

    Saying "never these two" of a face and one of that person's confirmed ones says it, and so does another face that is
    confirmed as that person in the same photo.
    """
    refused = Refusal.objects.filter(face=OuterRef("pk"), person=OuterRef(person))
    beside = Face.objects.filter(photo=OuterRef("photo"), person=OuterRef(person), is_confirmed=True)
    one = Q(one=OuterRef("pk"), other__person=OuterRef(person), other__is_confirmed=True)
    other = Q(other=OuterRef("pk"), one__person=OuterRef(person), one__is_confirmed=True)
    never = [FacePair.objects.filter(side, is_same=False) for side in (one, other)]
    return faces.exclude(Exists(refused) | Exists(beside) | Exists(never[0]) | Exists(never[1]))


def _counts(faces: QuerySet[Face], cluster_ids: list[int]) -> dict[int, int]:
    rows = faces.filter(cluster__in=cluster_ids).order_by().values_list("cluster_id").annotate(Count("pk"))
    return dict(rows)


# ---- Single faces


def _about_faces(viewer: Viewer, limits: dict[str, Rules]) -> Iterable[Question]:
    """Faces that are in no group for the viewer; those in one are asked about with it."""
    mates = faces_visible_to(viewer).filter(cluster=OuterRef("cluster")).exclude(pk=OuterRef("pk"))
    is_last = ~Exists(mates.filter(state=Face.State.UNKNOWN)) & ~Q(cluster__near_person=F("near_person"))
    alone = Q(cluster=None) | ~Exists(mates) | is_last
    faces = _undecided(unnamed_visible_to(viewer), "near_person").filter(_near(viewer), alone, model__in=limits)
    columns = ("pk", "model", "near_person_id", "near_person__name", "near_distance")
    for pk, model, person_id, name, distance in faces.order_by("near_distance", "pk").values_list(*columns)[:MOST]:
        yield _question("face", pk, person_id, name, 1, distance, limits[model])


def _about_guesses(viewer: Viewer, limits: dict[str, Rules]) -> Iterable[Question]:
    """Guesses near the limit, above all those in whose group nobody else is that person."""
    guesses = faces_visible_to(viewer).filter(_guess(), person=F("near_person"), person__hidden=False)
    near_limit = Q()
    for model, limit in limits.items():
        least = limit.match_distance - _NEAR_LIMIT * (limit.reach - limit.match_distance)
        near_limit |= Q(model=model, near_distance__gte=least, near_distance__lte=limit.match_distance)
    # As a sum the person is in no index, so that SQLite looks through the group and not through all the person's faces.
    whose = faces_visible_to(viewer).annotate(whose=F("person_id") + 0)
    mates = whose.filter(cluster=OuterRef("cluster"), whose=OuterRef("person_id"))
    guesses = guesses.filter(near_limit).annotate(has_mates=Exists(mates.exclude(pk=OuterRef("pk"))))
    columns = ("pk", "model", "person_id", "person__name", "near_distance", "cluster_id", "has_mates")
    rows = list(guesses.order_by("-near_distance", "-pk").values_list(*columns)[:MOST])
    strays = _counts(unnamed_visible_to(viewer), [row[5] for row in rows if row[5] and not row[6]])
    for pk, model, person_id, name, distance, cluster_id, has_mates in rows:
        alone = 0 if has_mates else strays.get(cluster_id, 0)
        question = _question("guess", pk, person_id, name, 1, distance, limits[model], strays=alone)
        if question.worth >= _LEAST_WORTH:
            yield question


def _guess() -> Q:
    return Q(state=Face.State.ASSIGNED, is_confirmed=False)


def _question(
    kind: Kind,
    target: int,
    person_id: int | None,
    name: str,
    count: int,
    distance: float | None,
    limit: Rules,
    strays: int = 0,
) -> Question:
    value = worth(kind, count, distance, match_distance=limit.match_distance, reach=limit.reach, strays=strays)
    return Question(kind, target, person_id, name, count, value)


# ---- One question


def find_question(viewer: Viewer, key: str) -> Question | None:
    """The question of this key, None if it is none, if it was answered, or if the viewer may not be asked it."""
    kind, target, person_id = parts(key)
    if kind is None:
        return None
    person = people_visible_to(viewer).filter(pk=person_id, merged_into=None).first() if person_id else None
    if (kind == "who") != (person is None):
        return None
    if kind in ("group", "who") and not clusters_visible_to(viewer).filter(pk=target).exists():
        return None
    question = Question(kind, target, person.pk if person else None, person.name if person else "", 0, 0.0)
    count = open_faces(viewer, question).order_by().count()
    if not count:
        return None
    return Question(kind, target, question.person_id, question.person_name, count, 0.0)


def open_faces(viewer: Viewer, question: Question) -> QuerySet[Face]:
    """The faces that an answer is about, the best first, as far as they are still open. Not evaluated."""
    if question.kind == "guess":
        return faces_visible_to(viewer).filter(_guess(), pk=question.target, person=question.person_id)
    if question.kind == "who":
        return unnamed_visible_to(viewer).filter(cluster=question.target).order_by("-quality", "pk")
    place = Q(pk=question.target) if question.kind == "face" else Q(cluster=question.target)
    faces = unnamed_visible_to(viewer).filter(place).annotate(asked=Value(question.person_id, BigIntegerField()))
    return _undecided(faces, "asked").order_by("-quality", "pk")


def parts(key: str) -> tuple[Kind | None, int, int]:
    """What a key names: kind, target, and person or 0; None, 0, 0 if it is none."""
    kind, _, rest = key.partition("-")
    target, _, person = rest.partition("-")
    numbers = [text for text in (target, person) if text.isascii() and text.isdecimal() and len(text) < 19]
    if kind not in ("group", "face", "guess", "who") or len(numbers) != 2:
        return None, 0, 0
    return cast(Kind, kind), int(target), int(person)
