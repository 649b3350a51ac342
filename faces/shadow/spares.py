"""Which faces another model has not looked at yet: the rows of the search, their claims, and how far it is.

A face is claimed by a row of its own (`SpareEmbedding`) that counts the attempt before the work begins. One whose
photo killed its worker is tried again alone, after all others; at the third time it is passed over, with the reason.
Cheap to import: pages use it too.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from django.conf import settings
from django.db import transaction
from django.db.models import Count, Exists, F, OuterRef, Q, QuerySet
from django.utils import timezone

from faces import revisions
from faces.models import Event, Face, Preview, SpareEmbedding
from gallery import work

# Photos in one claim.
BATCH = 8
KILLED = "PictoPy's worker stopped each of the three times it looked at this photo."
# Spare embeddings that nobody tries any more and that nothing could bring back are deleted after so many days.
KEPT_DAYS = 30


@dataclass(frozen=True, slots=True)
class Progress:
    """How many faces there are to look at, how many were, and how many of those were passed over, by the reason."""

    total: int
    done: int
    passed_over: dict[str, int]

    @property
    def percent(self) -> int:
        return 100 if self.done >= self.total else int(100 * self.done / self.total)

    @property
    def passed_over_count(self) -> int:
        return sum(self.passed_over.values())


def placed() -> QuerySet[Face]:
    """Faces whose box is right in what their photo shows now: those that can be looked at."""
    return Face.objects.filter(digest=F("photo__digest")).exclude(digest="")


def wanted_by(model: str) -> QuerySet[Face]:
    """Faces that the model is to look at: all that are placed but those that it embedded already. A drawn box in which
    no face was found is compared with nothing."""
    return placed().exclude(model=model).exclude(Q(is_drawn=True) & Q(model=""))


def pending(model: str, among: QuerySet[Face]) -> QuerySet[Face]:
    """Those of `among` about which nothing was written for the model, or only that somebody began."""
    rows = SpareEmbedding.objects.filter(face=OuterRef("pk"), model=model, made_of=OuterRef("embedding_crc"))
    return among.filter(~Exists(rows.filter(Q(embedding__isnull=False) | ~Q(reason=""))))


@transaction.atomic
def claim(model: str, among: QuerySet[Face], *, after: int = 0) -> list[Face]:
    """The pending faces of a few photos behind the photo `after`, leased to this process by rows that count attempts.

    Those that nobody tried yet come first, some photos at a time; then those whose worker ended, one photo at a time.
    Locks all of clustering. Empty: none is left behind `after`.
    """
    revisions.lock()
    open_faces = pending(model, among).order_by("photo_id", "pk")
    begun = SpareEmbedding.objects.filter(face=OuterRef("pk"), model=model, made_of=OuterRef("embedding_crc"))
    fresh = open_faces.filter(~Exists(begun), photo_id__gt=after)
    photos = sorted(set(fresh.values_list("photo_id", flat=True)[: 4 * BATCH]))[:BATCH]
    if not photos and not after:
        open_faces = open_faces.filter(~Exists(begun.filter(_is_held(model))))
        photos = list(open_faces.values_list("photo_id", flat=True)[:1])
    if not photos:
        return []
    faces = list(open_faces.filter(photo__in=photos))
    rows = SpareEmbedding.objects.filter(model=model, face__in=faces)
    tried = {(face, crc): attempts for face, crc, attempts in rows.values_list("face_id", "made_of", "attempts")}
    attempts = {face.pk: tried.get((face.pk, face.embedding_crc), 0) for face in faces}
    hopeless = {face.pk for face in faces if attempts[face.pk] >= work.MAX_ATTEMPTS}
    SpareEmbedding.objects.bulk_create(
        [
            SpareEmbedding(
                face=face,
                model=model,
                made_of=face.embedding_crc,
                attempts=attempts[face.pk] + 1,
                reason=KILLED if face.pk in hopeless else "",
                lease_owner=work.lease_owner(),
                lease_until=timezone.now() + dt.timedelta(seconds=settings.PICTOPY.lease_s),
            )
            for face in faces
        ],
        update_conflicts=True,
        unique_fields=["model", "face"],
        update_fields=["made_of", "embedding", "crc", "reason", "attempts", "lease_owner", "lease_until"],
    )
    left = [face for face in faces if face.pk not in hopeless]
    return left or claim(model, among, after=after)


def _is_held(model: str) -> Q:
    """Which rows another process that may be alive is at. One query."""
    held = SpareEmbedding.objects.filter(model=model, embedding=None, reason="", lease_until__gt=timezone.now())
    owners = [it for it in held.order_by().values_list("lease_owner", flat=True).distinct() if it != work.lease_owner()]
    return Q(lease_until__gt=timezone.now(), lease_owner__in=[it for it in owners if not work.is_gone(it)])


def progress(model: str) -> Progress:
    """How far the model is: three queries, each over all faces (0.2 s for 100,000)."""
    wanted = wanted_by(model)
    total = wanted.count()
    passed = SpareEmbedding.objects.filter(model=model, face__in=wanted).exclude(reason="")
    reasons = dict(passed.order_by().values_list("reason").annotate(Count("pk")))
    return Progress(total, total - pending(model, wanted).count(), reasons)


def needless() -> QuerySet[SpareEmbedding]:
    """Spare embeddings of models that nobody tries and that no entry of the journal could bring back. Two queries.

    What is noted of faces that people drew stays: they would be looked at again and again.
    """
    since = timezone.now() - dt.timedelta(days=KEPT_DAYS)
    kept = set(Preview.objects.filter(asked_at__gt=since).values_list("model", flat=True))
    for before in Event.objects.filter(kind=Event.Kind.RULES, undone_at=None).values_list("before", flat=True):
        kept |= {str(before.get("model", "")), str(before.get("former", ""))}
    return SpareEmbedding.objects.exclude(model__in=kept).exclude(face__is_drawn=True)


def tidy() -> int:
    """Deletes those that are needless; returns how many."""
    return needless().delete()[0]
