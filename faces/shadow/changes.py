"""What a preview would change, narrowed to what the viewer sees.

A difference is stored by library, so counts are sums over the libraries that the viewer sees, people are those that
exist for the viewer, and pictures come through the one door to faces.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass, field

from faces import people
from faces.access import faces_visible_to, people_visible_to
from faces.models import Event, Person, Preview
from faces.people import FaceThumb, PersonCard
from gallery.access import Viewer, visible_library_ids

PEOPLE_PER_PAGE = 30
GROUPS_SHOWN = 12
FACES_IN_ROW = 8
# Faces with a box to untick; the rest follows in further rounds.
MOST_FACES = 120


@dataclass(frozen=True, slots=True)
class PersonChange:
    """What a person gains and loses; `event`: the entry by which somebody accepted it, and that still holds."""

    card: PersonCard
    gains: int
    losses: int
    kept: int
    gained: list[FaceThumb]
    lost: list[FaceThumb]
    event: Event | None


@dataclass(frozen=True, slots=True)
class GroupChange:
    """Groups that become others: how many faces each has, before and after, and some of their pictures."""

    before: list[int]
    after: list[int]
    examples: list[int]
    faces: list[FaceThumb] = field(default_factory=list)

    def with_faces(self, thumbs: dict[int, FaceThumb]) -> GroupChange:
        return dataclasses.replace(self, faces=[thumbs[pk] for pk in self.examples if pk in thumbs])

    @property
    def title(self) -> str:
        was, now = len(self.before), len(self.after)
        if not was:
            return "A new group"
        if not now:
            return "A group that is not there any more" if was == 1 else f"{was} groups that are not there any more"
        if (was, now) == (1, 1):
            was, now = self.before[0], self.after[0]
            return (
                "A group that grows" if now > was else "A group that shrinks" if now < was else "Other faces in a group"
            )
        if now == 1:
            return f"{was} groups become one"
        return f"A group falls into {now}" if was == 1 else f"{was} groups become {now}"


@dataclass(frozen=True, slots=True)
class Difference:
    """`people`: one page of those who change, the largest change first; `next_from`: where the next page begins."""

    people: list[PersonChange]
    changed: int
    unchanged: int
    gains: int
    losses: int
    groups_before: int
    groups_after: int
    groups: list[GroupChange]
    more_groups: int
    next_from: int | None

    @property
    def is_nothing(self) -> bool:
        return not self.changed and not self.groups and self.groups_before == self.groups_after

    @property
    def sentence(self) -> str:
        """The whole in one sentence: "9 people unchanged, Anna gains 14, 3 faces leave Tom, 12 groups become 9"."""
        parts = [f"{self.unchanged:,} {_people(self.unchanged)} unchanged"] if self.unchanged else []
        for change in self.people[:3]:
            if change.gains:
                parts.append(f"{change.card.name} gains {change.gains:,}")
            if change.losses:
                parts.append(
                    f"{change.losses:,} {'face leaves' if change.losses == 1 else 'faces leave'} {change.card.name}"
                )
        if (more := self.changed - len(self.people[:3])) > 0:
            parts.append(f"{more:,} more {_people(more)} {'changes' if more == 1 else 'change'}")
        if self.groups_before != self.groups_after:
            groups = "group becomes" if self.groups_before == 1 else "groups become"
            parts.append(f"{self.groups_before:,} {groups} {self.groups_after:,}")
        elif self.groups:
            parts.append(f"{self.groups_before:,} groups stay as many, some of them with other faces")
        return ", ".join(parts) + "."


def _people(count: int) -> str:
    return "person" if count == 1 else "people"


def difference(viewer: Viewer, preview: Preview, *, start: int = 0, size: int = PEOPLE_PER_PAGE) -> Difference:
    """What a preview that is ready would change of what the viewer sees. Ten queries, however much that is."""
    seen = {str(library_id) for library_id in visible_library_ids(viewer)}
    there = dict(people_visible_to(viewer).order_by().values_list("pk", "name"))
    changes = [
        (pk, _ids(change["gains"], seen), _ids(change["losses"], seen), _sum(change["kept"], seen))
        for key, change in preview.result.get("people", {}).items()
        if (pk := int(key)) in there
    ]
    changes = [change for change in changes if change[1] or change[2]]
    changes.sort(key=lambda it: (-len(it[1]) - len(it[2]), it[0]))
    page = changes[start : start + size]
    listed, unchanged = _groups(preview, seen)
    same = unchanged + sum(
        count for key, count in preview.result.get("same_groups", {}).items() if seen & set(key.split(","))
    )
    thumbs = _thumbs(
        viewer,
        [
            *(pk for _, gains, losses, _ in page for pk in [*gains[:FACES_IN_ROW], *losses[:FACES_IN_ROW]]),
            *(pk for change in listed[:GROUPS_SHOWN] for pk in change.examples),
        ],
    )
    return Difference(
        people=_changes(viewer, preview, page, thumbs),
        changed=len(changes),
        unchanged=len(there) - len(changes),
        gains=sum(len(gains) for _, gains, _, _ in changes),
        losses=sum(len(losses) for _, _, losses, _ in changes),
        groups_before=same + sum(len(change.before) for change in listed),
        groups_after=same + sum(len(change.after) for change in listed),
        groups=[change.with_faces(thumbs) for change in listed[:GROUPS_SHOWN]],
        more_groups=max(0, len(listed) - GROUPS_SHOWN),
        next_from=start + size if start + size < len(changes) else None,
    )


def _changes(
    viewer: Viewer,
    preview: Preview,
    page: Sequence[tuple[int, list[int], list[int], int]],
    thumbs: dict[int, FaceThumb],
) -> list[PersonChange]:
    rows = Person.objects.filter(pk__in=[pk for pk, *_ in page])
    cards = {card.id: card for card in people.cards_of(viewer, rows)}
    events = accepted(preview)
    return [
        PersonChange(
            card=cards[pk],
            gains=len(gains),
            losses=len(losses),
            kept=kept,
            gained=[thumbs[face] for face in gains[:FACES_IN_ROW] if face in thumbs],
            lost=[thumbs[face] for face in losses[:FACES_IN_ROW] if face in thumbs],
            event=events.get(pk),
        )
        for pk, gains, losses, kept in page
        if pk in cards
    ]


def accepted(preview: Preview) -> dict[int, Event]:
    """By which entry of the journal the change of each person was accepted, as far as it still holds: one query."""
    noted = preview.result.get("accepted", {})
    events = Event.objects.filter(pk__in=noted.values(), undone_at=None).in_bulk()
    return {int(person): events[pk] for person, pk in noted.items() if pk in events}


@dataclass(frozen=True, slots=True)
class PersonPage:
    """All that one person would gain and lose, with a box for each face."""

    card: PersonCard
    gained: list[FaceThumb]
    lost: list[FaceThumb]
    more: int
    event: Event | None


def person_page(viewer: Viewer, preview: Preview, person: Person) -> PersonPage | None:
    """None if this person changes nothing for the viewer. Five queries."""
    seen = {str(library_id) for library_id in visible_library_ids(viewer)}
    change = preview.result.get("people", {}).get(str(person.pk))
    if not change:
        return None
    gains, losses = _ids(change["gains"], seen), _ids(change["losses"], seen)
    if not (gains or losses):
        return None
    thumbs = _thumbs(viewer, [*gains[:MOST_FACES], *losses[:MOST_FACES]])
    (card,) = people.cards_of(viewer, [person])
    return PersonPage(
        card=card,
        gained=[thumbs[pk] for pk in gains[:MOST_FACES] if pk in thumbs],
        lost=[thumbs[pk] for pk in losses[:MOST_FACES] if pk in thumbs],
        more=max(0, len(gains) - MOST_FACES) + max(0, len(losses) - MOST_FACES),
        event=accepted(preview).get(person.pk),
    )


def _ids(by_library: dict[str, list[int]], seen: set[str]) -> list[int]:
    return [pk for library, ids in by_library.items() if library in seen for pk in ids]


def _sum(by_library: dict[str, int], seen: set[str]) -> int:
    return sum(count for library, count in by_library.items() if library in seen)


def _groups(preview: Preview, seen: set[str]) -> tuple[list[GroupChange], int]:
    """The groups that change for the viewer, and how many of the others stay the same as far as the viewer sees.

    A face that the viewer sees alone is in no group (`access.clusters_visible_to`).
    """
    changes, same = [], 0
    for it in preview.result.get("groups", []):
        before, after = (
            [ids for group in it[side] if len(ids := _ids(group, seen)) > 1] for side in ("before", "after")
        )
        if sorted(map(sorted, before)) == sorted(map(sorted, after)):
            same += len(after)
            continue
        # Some faces of each group, so that the pictures show all of them.
        among = after or before
        share = max(1, FACES_IN_ROW // len(among))
        examples = [pk for ids in among for pk in ids[:share]][:FACES_IN_ROW]
        was, now = (sorted(map(len, groups), reverse=True) for groups in (before, after))
        changes.append(GroupChange(was, now, examples))
    # The largest first, by what the viewer sees: an order by hidden faces would tell of them.
    changes.sort(key=lambda change: -sum(change.before) - sum(change.after))
    return changes, same


def _thumbs(viewer: Viewer, face_ids: Sequence[int]) -> dict[int, FaceThumb]:
    faces = faces_visible_to(viewer).filter(pk__in=face_ids).order_by("pk")
    return {thumb.id: thumb for thumb in people.face_thumbs(faces)}
