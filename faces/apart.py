"""Whom faces may not become, by what somebody said of pairs: never one person with a confirmed face of theirs."""

from __future__ import annotations

from collections.abc import Collection

from faces.deciding import chunks
from faces.models import Face, FacePair


class Apart:
    """What was said of these faces, for writers that name many at once. Two queries, and one if nothing was said."""

    def __init__(self, face_ids: Collection[int]) -> None:
        wanted = set(face_ids)
        self._others: dict[int, set[int]] = {}
        self._people: dict[int, int] = {}
        pairs = list(FacePair.objects.filter(is_same=False).values_list("one_id", "other_id")) if wanted else []
        for mine, theirs in (row for pair in pairs for row in (pair, pair[::-1])):
            if mine in wanted:
                self._others.setdefault(mine, set()).add(theirs)
        for part in chunks({theirs for others in self._others.values() for theirs in others}):
            sure = Face.objects.filter(pk__in=part, is_confirmed=True, person__isnull=False)
            self._people.update((pk, person or 0) for pk, person in sure.values_list("pk", "person_id"))

    def forbids(self, face_id: int, person_id: int) -> bool:
        """Whether the face may not be this person."""
        return any(self._people.get(other) == person_id for other in self._others.get(face_id, ()))

    def note(self, face_id: int, person_id: int) -> None:
        """A face was confirmed as this person in the meantime: it speaks for those that come after it."""
        self._people[face_id] = person_id
