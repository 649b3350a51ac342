"""A person over the years: one face for each year, with how old they were."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from django.db.models import F, Window
from django.db.models.functions import RowNumber

from faces import ages
from faces.access import faces_visible_to
from faces.models import Face, Person
from faces.people import FaceThumb, face_thumbs
from gallery.access import Viewer
from gallery.photo_facts import GUESSES


@dataclass(frozen=True, slots=True)
class YearFace:
    """`age` in words on the day of the photo; empty without a date of birth."""

    year: int
    age: str
    face: FaceThumb


def over_the_years(viewer: Viewer, person: Person) -> list[YearFace]:
    """The best face of each year in which the viewer sees one, oldest first: two queries.

    A confirmed face is better than a guess, then quality decides. Only faces that have their place in what the photo
    shows now, in photos that say when they were taken. Where that is a guess, it says no age.
    """
    placed = faces_visible_to(viewer).filter(person=person, digest=F("photo__digest"), photo__taken_local__isnull=False)
    # `month` is the year and month of the same moment, and a whole number: no database has to read dates.
    year = F("photo__month") / 100
    rank = Window(RowNumber(), partition_by=[year], order_by=[F("is_confirmed").desc(), F("quality").desc(), F("pk")])
    rows = placed.alias(rank=rank).filter(rank=1).order_by("photo__month", "pk")
    best = {
        pk: (taken, source in GUESSES)
        for pk, taken, source in rows.values_list("pk", "photo__taken_local", "photo__taken_source")
    }
    thumbs = {face.id: face for face in face_thumbs(Face.objects.filter(pk__in=best))}
    return [
        YearFace(taken.year, "" if is_guess else ages.age(person.birth_date, _day(taken)), thumbs[pk])
        for pk, (taken, is_guess) in best.items()
        if taken and pk in thumbs
    ]


def _day(taken: dt.datetime) -> dt.date:
    """The day on the wall's calendar: `taken_local` holds that under the name of UTC."""
    return taken.astimezone(dt.UTC).date()
