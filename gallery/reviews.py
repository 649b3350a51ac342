"""Libraries that wait for a person: what the page of the review shows, and the answers.

There are three. "The drive is away" changes nothing and is only remembered. "They were moved" is carried out by the
next scan. "They are gone" is `request_scan(accept_missing=True)`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone

from gallery import alt_text, paths, queries
from gallery.access import Viewer, libraries_visible_to, visible_to
from gallery.holding import FOLDERS_SHOWN
from gallery.models import Library, Photo, Review
from gallery.scanning import request_scan


@dataclass(frozen=True, slots=True)
class Picture:
    """A photo whose file is gone: the small picture that PictoPy keeps of it."""

    url: str
    src: str
    alt: str
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder, or what lies below one, with how many of its files are gone and how many of them were found again."""

    name: str
    count: int
    found: int
    pictures: list[Picture]


@dataclass(frozen=True, slots=True)
class Question:
    """All that the page of a review shows. `elsewhere`: libraries that show some of the photos as well, and how many.

    `review` is None for a library that is offline and that nobody said anything about.
    """

    review: Review | None
    folders: list[Folder]
    more_folders: int
    elsewhere: list[tuple[Library, int]]
    photo_count: int

    @property
    def is_looking(self) -> bool:
        """Whether contents are being compared this moment, or were when a scan was stopped."""
        return self.review is not None and self.review.checked < self.review.candidates

    @property
    def is_waiting(self) -> bool:
        """Whether somebody said that the drive is away."""
        return self.review is not None and self.review.answer == Review.Answer.AWAY

    @property
    def is_relinking(self) -> bool:
        """Whether somebody said that the files were moved, and a scan is to carry it out."""
        return self.review is not None and self.review.answer == Review.Answer.RELINK

    @property
    def rest(self) -> int:
        """How many files are neither where they were nor found again."""
        return self.review.gone - self.review.found if self.review else 0

    @property
    def mark(self) -> str:
        """Tells two states of the page apart."""
        if self.review is None:
            return "none"
        review = self.review
        looking = "looking" if self.is_looking else f"{review.gone}-{review.found}"
        return f"{looking}-{review.answer}"


# --- the answers


def say_away(user: User, library: Library) -> None:
    """Remembers that a drive is away. The library stays as it is, and scans go on looking."""
    _answer(user, library, Review.Answer.AWAY)


@transaction.atomic
def say_moved(user: User, library: Library) -> None:
    """Has the next scan give files that are found by content their new places. What is not found stays as it is."""
    _answer(user, library, Review.Answer.RELINK)
    request_scan(library)


@transaction.atomic
def _answer(user: User, library: Library, answer: str) -> None:
    review, _ = Review.objects.select_for_update().get_or_create(library=library)
    review.answer, review.answered_by, review.answered_at = answer, user, timezone.now()
    review.answered_gone = review.gone
    if library.state == Library.State.OFFLINE:  # nothing of it can be seen, so no later scan can miss more
        review.answered_gone = library.files.filter(missing_since__isnull=True).count()
    review.save(update_fields=["answer", "answered_by", "answered_at", "answered_gone"])


# --- what pages show


def waiting(library_ids: Iterable[int]) -> set[int]:
    """Those of these libraries of which somebody said that the drive is away: one query."""
    rows = Review.objects.filter(library_id__in=list(library_ids), answer=Review.Answer.AWAY)
    return set(rows.values_list("library_id", flat=True))


def question(viewer: Viewer, library: Library) -> Question:
    """What is to be decided about a library that the viewer sees; a constant number of queries."""
    review = Review.objects.filter(library=library).select_related("answered_by").first()
    rows = review.folders if review else []
    shown = rows[:FOLDERS_SHOWN]
    ids = [photo_id for row in shown for photo_id in row["photos"]]
    photos = {photo.pk: photo for photo in visible_to(viewer).filter(pk__in=ids, library=library)}
    texts = alt_text.describe(list(photos.values()), viewer) if photos else {}
    folders = [
        Folder(
            name=paths.display(row["folder"]),
            count=row["count"],
            found=row["found"],
            pictures=[_picture(photos[pk], texts[pk]) for pk in row["photos"] if pk in photos],
        )
        for row in shown
    ]
    elsewhere = review.elsewhere if review else {}
    others = libraries_visible_to(viewer).filter(pk__in=[int(pk) for pk in elsewhere]) if elsewhere else ()
    return Question(
        review=review,
        folders=folders,
        more_folders=len(rows) - len(shown),
        elsewhere=[(other, elsewhere[str(other.pk)]) for other in others],
        photo_count=Photo.objects.filter(
            library=library, imported_at__isnull=False, trashed_at__isnull=True, missing_since__isnull=True
        ).count(),
    )


def _picture(photo: Photo, alt: str) -> Picture:
    width, height = queries.thumbnail_size(photo, "small")
    return Picture(photo.get_absolute_url(), queries.thumbnail_url(photo, "small"), alt, width, height)
