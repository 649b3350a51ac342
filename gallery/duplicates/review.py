"""What the pages of duplicates show: groups with their photos side by side, in words, and what differs."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from django.db.models import Count, Exists, OuterRef, Q, QuerySet
from django.template.defaultfilters import filesizeformat

from gallery import photo_facts, queries
from gallery.access import Viewer, libraries_editable_by, pictures_visible_to
from gallery.duplicates import best, deciding, worth
from gallery.duplicates.best import Contender, Proposal
from gallery.models import DuplicateGroup, DuplicateMember, File, Library, Photo
from gallery.queries import Tile

# So many of the decisions that can be taken back are listed; of one group, so many photos are shown.
LISTED = 30
_TELLING = 1.05
State = DuplicateGroup.State
Kind = DuplicateGroup.Kind


@dataclass(frozen=True, slots=True)
class Fact:
    """One line beside a photo. `differs`: not all photos of the group say the same; `is_best`: no other has more."""

    title: str
    text: str
    differs: bool
    is_best: bool


@dataclass(frozen=True, slots=True)
class Candidate:
    photo: Photo
    tile: Tile
    picture: str
    name: str
    folder: str
    facts: list[Fact]
    is_proposed: bool
    parts: frozenset[str]


@dataclass(frozen=True, slots=True)
class Review:
    """A group to decide about. `left`: what an undo could not take back."""

    group: DuplicateGroup
    candidates: list[Candidate]
    proposal: Proposal
    left: list[str]

    @property
    def is_same(self) -> bool:
        return self.group.kind == Kind.SAME


@dataclass(frozen=True, slots=True)
class Counts:
    """Open groups of a library: `same` and `row` together are `all`."""

    library: Library
    same: int
    row: int

    @property
    def all(self) -> int:
        return self.same + self.row


@dataclass(frozen=True, slots=True)
class Decision:
    """What was decided. `kept` is None when all were; `batch`: how many were decided at that moment."""

    group: DuplicateGroup
    kept: Tile | None
    others: list[Tile]
    at: dt.datetime
    batch: int


def counts(viewer: Viewer) -> list[Counts]:
    """The libraries that the viewer may edit, with their open groups, those with most first: two queries."""
    libraries = list(libraries_editable_by(viewer).exclude(state=Library.State.LEAVING).order_by("name", "pk"))
    rows = deciding.open_groups(viewer).order_by().values_list("library", "kind").annotate(count=Count("pk"))
    found = {(library, kind): count for library, kind, count in rows}
    made = [Counts(it, found.get((it.pk, Kind.SAME), 0), found.get((it.pk, Kind.ROW), 0)) for it in libraries]
    return sorted(made, key=lambda it: -it.all)


def following(
    viewer: Viewer, library: Library, kind: str, *, after: int | None = None, at: int | None = None
) -> QuerySet[DuplicateGroup]:
    """Open groups of a library, of one kind if given, behind the group `after` or from `at` on, whatever became of
    that; all of them when it is gone."""
    rows = deciding.open_groups(viewer).filter(library=library)
    if kind:
        rows = rows.filter(kind=kind)
    last = deciding.groups_of(viewer).filter(library=library, pk=at or after or 0).first()
    if last is not None:
        beyond = Q(pk__gte=last.pk) if at else Q(pk__gt=last.pk)
        rows = rows.filter(Q(kind__lt=last.kind) | Q(beyond, kind=last.kind))
    return rows


def show(viewer: Viewer, groups: Sequence[DuplicateGroup]) -> list[Review]:
    """Groups from `deciding.groups_of(viewer)`, those that have two photos to choose from. A constant number of
    queries."""
    members: dict[int, list[DuplicateMember]] = {}
    rows = DuplicateMember.objects.filter(
        Exists(deciding.choosable(viewer).filter(pk=OuterRef("photo"))), group__in=[group.pk for group in groups]
    )
    for member in rows.select_related("photo").prefetch_related("photo__files", "photo__parts").order_by("photo"):
        members.setdefault(member.group_id, []).append(member)
    photos = list({member.photo_id: member.photo for found in members.values() for member in found}.values())
    tiles = {tile.id: tile for tile in queries.tiles(viewer, photos)}
    worths = worth.of(viewer, photos)
    return [_review(group, members[group.pk], tiles, worths) for group in groups if len(members.get(group.pk, ())) > 1]


def _review(
    group: DuplicateGroup, members: Sequence[DuplicateMember], tiles: dict[int, Tile], worths: dict[int, worth.Worth]
) -> Review:
    contenders = [
        Contender(member.photo, member.sharpness, worths[member.photo_id], parts_of(member.photo)) for member in members
    ]
    proposal = best.propose(group.kind, contenders)
    facts = _facts(group, contenders)
    candidates = []
    for contender, lines in zip(contenders, facts, strict=True):
        photo = contender.photo
        folder, _, name = _path(photo).rpartition("/")
        candidates.append(
            Candidate(
                photo=photo,
                tile=tiles[photo.pk],
                picture=queries.thumbnail_url(photo, "medium"),
                name=name,
                folder=folder,
                facts=lines,
                is_proposed=photo.pk == proposal.photo_id,
                parts=contender.parts,
            )
        )
    # The proposed one first: it is the one that the others are compared with.
    candidates.sort(key=lambda it: (not it.is_proposed, it.photo.sort_at, it.photo.pk))
    return Review(group, candidates, proposal, (group.undo or {}).get("said", []))


def parts_of(photo: Photo) -> frozenset[str]:
    """What else belongs to a photo, which would go with it. Its parts are at hand."""
    roles = {part.role for part in photo.parts.all() if part.missing_since is None}
    found = {"RAW file"} if photo.kind == Photo.Kind.RAW or File.Role.RAW in roles else set()
    return frozenset(found | ({"film"} if photo.kind == Photo.Kind.MOTION or File.Role.MOTION in roles else set()))


def _path(photo: Photo) -> str:
    files: list[File] = [file for file in photo.files.all() if file.missing_since is None] or list(photo.files.all())
    return files[0].display if files else ""


def _facts(group: DuplicateGroup, contenders: Sequence[Contender]) -> list[list[Fact]]:
    """The lines of each photo; a line that none of them has is left out."""
    lines = [
        _line("Size", contenders, lambda it: _pixels(it.photo), lambda it: it.photo.megapixels),
        _line("File", contenders, lambda it: _file(it.photo), lambda it: it.photo.size_bytes),
        _line("With it", contenders, lambda it: ", ".join(sorted(it.parts))),
        _line("Taken", contenders, lambda it: _taken(it.photo, with_seconds=group.kind == Kind.ROW)),
        _line("Camera", contenders, lambda it: it.photo.camera),
        _line("Folder", contenders, lambda it: _path(it.photo).rpartition("/")[0] or "(the library's own)"),
        _line("People made", contenders, lambda it: ", ".join(it.worth.made)),
    ]
    if group.kind == Kind.ROW:
        lines.append(_line("Sharpness", contenders, lambda it: _relative(it, contenders), lambda it: it.sharpness))
    return [[line[place] for line in lines if any(fact.text for fact in line)] for place in range(len(contenders))]


def _line(
    title: str,
    contenders: Sequence[Contender],
    text: Callable[[Contender], str],
    value: Callable[[Contender], float] | None = None,
) -> list[Fact]:
    texts = [text(it) for it in contenders]
    differs = len(set(texts)) > 1
    values = [value(it) if value else 0.0 for it in contenders]
    # What nobody would see is no better.
    is_telling = max(values) > _TELLING * min(values)
    return [
        Fact(title, said, differs, is_best=is_telling and amount == max(values))
        for said, amount in zip(texts, values, strict=True)
    ]


def _pixels(photo: Photo) -> str:
    return photo_facts.size(photo).partition(" megapixel")[0].replace(",", " ·", 1) + " MP" if photo.width else ""


def _file(photo: Photo) -> str:
    name = photo.mime.rpartition("/")[2].removeprefix("x-").upper()
    return " · ".join(part for part in (name, filesizeformat(photo.size_bytes).replace("\xa0", " ")) if part)


def _taken(photo: Photo, *, with_seconds: bool) -> str:
    if photo.taken is None:
        return "no date"
    day = f"{photo.taken.day} {photo.taken:%b %Y}"
    return day if photo.is_day_only else f"{day}, {photo.taken:{'%H:%M:%S' if with_seconds else '%H:%M'}}"


def _relative(contender: Contender, contenders: Sequence[Contender]) -> str:
    highest = max(it.sharpness for it in contenders)
    return f"{round(100 * contender.sharpness / highest)} %" if highest else ""


def decided(viewer: Viewer, library: Library) -> list[Decision]:
    """The latest decisions about a library: a constant number of queries."""
    rows = deciding.groups_of(viewer).filter(library=library, state__in=[State.MERGED, State.KEPT])
    groups = list(rows.select_related("decided_by").order_by("-decided_at", "-pk")[:LISTED])
    photo_ids: dict[int, list[int]] = {}
    members = DuplicateMember.objects.filter(group__in=[group.pk for group in groups]).order_by("photo")
    for group_id, photo_id in members.values_list("group", "photo"):
        photo_ids.setdefault(group_id, []).append(photo_id)
    wanted = {photo for ids in photo_ids.values() for photo in ids}
    photos = pictures_visible_to(viewer).filter(pk__in=wanted).only(*queries.TILE_FIELDS)
    tiles = {tile.id: tile for tile in queries.tiles(viewer, list(photos))}
    moments = {group.decided_at for group in groups}
    merged = rows.filter(decided_at__in=moments, state=State.MERGED).order_by()
    batches = dict(merged.values_list("decided_at").annotate(Count("pk")))
    made = []
    for group in groups:
        kept = (group.undo or {}).get("kept")
        others = [tiles[pk] for pk in photo_ids.get(group.pk, ()) if pk != kept and pk in tiles]
        at = group.decided_at or group.library.created_at
        made.append(Decision(group, tiles.get(kept) if kept else None, others, at, batches.get(at, 1)))
    return made


def latest(viewer: Viewer, library: Library) -> DuplicateGroup | None:
    """What the viewer decided last about a library, if it still stands: one query."""
    rows = deciding.groups_of(viewer).filter(library=library, state__in=[State.MERGED, State.KEPT])
    return rows.filter(decided_by_id=viewer.pk or 0).order_by("-decided_at", "-pk").first()
