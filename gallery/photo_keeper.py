"""Moves what people made of photos themselves: favourites, captions, ratings, keywords, and dates and places they set.

favourites  of each person: a favourite among the sources makes the target one
caption     the target's own, and after it those that people wrote on the sources; has it none, the first of them
rating      the highest that a person gave, else the highest
keywords    those of all
date, place what a person set on a source, unless a person set the target's
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

from django.utils import timezone

from gallery import decided, describing, kept, registering, search_text
from gallery.models import Mark, Photo, Receipt

_TAKEN = ("taken_local", "utc_offset_min", "taken_source", "offset_source", "is_day_only")
_POSITION = ("latitude", "longitude", "altitude_m", "country", "region", "city")
_GROUPS: dict[decided.Part, tuple[str, ...]] = {
    "caption": ("caption",),
    "keywords": ("keywords",),
    "position": _POSITION,
    "rating": ("rating",),
    "taken": _TAKEN,
}
_WORDS: dict[decided.Part, str] = {
    "caption": "caption",
    "keywords": "keywords",
    "position": "place",
    "rating": "rating",
    "taken": "date",
}
_WRITTEN = (*_TAKEN, *_POSITION, "month", "sort_at", "caption", "keywords", "rating", "set_by_people")


class PhotoKeeper:
    """Its record: `photo` with the values `before` and `after` of columns, and `marks` that were made or changed."""

    name = "photo"

    def move(self, sources: Sequence[int], target: int, *, for_good: bool = False) -> dict[str, Any]:
        """Five queries, and one for each favourite."""
        rows = Photo.objects.in_bulk([*sources, target])
        photo, others = rows[target], [rows[pk] for pk in sources if pk in rows]
        before = _values(photo)
        _move_words(photo, others, by_people_alone=for_good)
        _move_group(photo, others, "taken", _TAKEN)
        _move_group(photo, others, "position", _POSITION)
        after = _values(photo)
        changed = [name for name in before if before[name] != after[name]]
        if changed:
            _save(photo)
        marks = _move_marks(sources, target)
        if for_good:
            Mark.objects.filter(photo__in=sources).delete()
            Photo.objects.filter(pk__in=sources).update(set_by_people="")
        return {
            "photo": target,
            "before": {name: before[name] for name in changed},
            "after": {name: after[name] for name in changed},
            "marks": marks,
            "at": timezone.now().isoformat(),
        }

    def put_back(self, record: dict[str, Any]) -> list[str]:
        _put_marks_back(record["photo"], record["marks"])
        said: list[str] = []
        photo = Photo.objects.filter(pk=record["photo"]).first()
        if photo is None or not record["after"]:
            return said
        before, after, now = record["before"], record["after"], _values(photo)
        parts = set(decided.parts(photo))
        hers = set(after.get("set_by_people", ())) - set(before.get("set_by_people", ()))
        changed = is_heard = False
        for part, names in _GROUPS.items():
            names = tuple(name for name in names if name in after)
            if not names:
                continue
            if any(now[name] != after[name] for name in names):
                said.append(f"The {_WORDS[part]} was changed again since, and stays as it is.")
                continue
            for name in names:
                _set(photo, name, before[name])
            if part in hers:
                parts.discard(part)
                is_heard = True
            changed = True
        if changed:
            decided.put(photo, parts)
            _save(photo)
        # What the file says by now, while it was not listened to.
        news = Receipt.objects.filter(photo=photo, analyzer=describing.NAME, at__gt=record["at"])
        if is_heard and news.exists():
            registering.describe_again([photo.pk])
        return said


def _move_words(photo: Photo, others: Sequence[Photo], *, by_people_alone: bool) -> None:
    """Caption, rating and keywords."""

    def speaking(part: decided.Part) -> list[Photo]:
        return [it for it in others if decided.is_set(it, part)] if by_people_alone else list(others)

    told = [other.caption.strip() for other in speaking("caption")]
    written = [other.caption.strip() for other in others if decided.is_set(other, "caption")]
    captions = [photo.caption.strip()]
    for text in written if any((*captions, *written)) else [*filter(None, told)][:1]:
        if not any(text in caption for caption in captions):
            captions.append(text)
    caption = "\n\n".join(text for text in captions if text)
    if caption != photo.caption.strip():
        photo.caption = caption
        decided.mark(photo, "caption")
    rated = [it for it in (photo, *speaking("rating")) if it.rating is not None]
    by_people = [it for it in rated if decided.is_set(it, "rating")]
    rating = max((it.rating or 0 for it in by_people or rated), default=None)
    if rating != photo.rating:
        photo.rating = rating
        decided.mark(photo, "rating")
    keywords = list(
        dict.fromkeys(word for it in (photo, *speaking("keywords")) for word in it.keywords.splitlines() if word)
    )
    if "\n".join(keywords) != photo.keywords:
        photo.keywords = "\n".join(keywords)
        decided.mark(photo, "keywords")


def _move_group(photo: Photo, others: Sequence[Photo], part: decided.Part, names: Sequence[str]) -> None:
    """A date or place that a person set on one of the others."""
    if decided.is_set(photo, part):
        return
    giver = next((other for other in others if decided.is_set(other, part)), None)
    if giver is None:
        return
    for name in names:
        setattr(photo, name, getattr(giver, name))
    decided.mark(photo, part)


def _move_marks(sources: Sequence[int], target: int) -> list[dict[str, Any]]:
    users = Mark.objects.filter(photo__in=sources, favourite=True).order_by("user").values_list("user", flat=True)
    moved = []
    for user_id in sorted(set(users)):
        mark, is_new = Mark.objects.get_or_create(user_id=user_id, photo_id=target, defaults={"favourite": True})
        if not is_new:
            if mark.favourite:
                continue
            Mark.objects.filter(pk=mark.pk).update(favourite=True)
        moved.append({"mark": mark.pk, "is_new": is_new, "changed_at": mark.changed_at.isoformat()})
    return moved


def _put_marks_back(photo_id: int, marks: Sequence[dict[str, Any]]) -> None:
    """A mark that its owner set anew since stays, and nobody is told: favourites are everyone's own."""
    for entry in marks:
        changed_at = dt.datetime.fromisoformat(entry["changed_at"])
        mark = Mark.objects.filter(pk=entry["mark"], photo=photo_id, favourite=True, changed_at=changed_at)
        if not entry["is_new"] or not mark.filter(archived=False).delete()[0]:
            mark.update(favourite=False)


def _values(photo: Photo) -> dict[str, Any]:
    """The columns that may move, as JSON holds them."""
    values = {name: getattr(photo, name) for names in _GROUPS.values() for name in names}
    values["taken_local"] = photo.taken.isoformat() if photo.taken else None
    values["set_by_people"] = sorted(decided.parts(photo))
    return values


def _set(photo: Photo, name: str, value: Any) -> None:
    if name == "taken_local" and value is not None:
        value = dt.datetime.fromisoformat(value).replace(tzinfo=dt.UTC)
    setattr(photo, name, value)


def _save(photo: Photo) -> None:
    photo.set_taken(photo.taken, utc_offset_min=photo.utc_offset_min, source=photo.taken_source)
    photo.save(update_fields=_WRITTEN)
    search_text.write([photo.pk])
    kept.touch([photo.library_id])
