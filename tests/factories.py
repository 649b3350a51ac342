"""Makes rows and pictures for tests. Pictures are drawn here; none come from anywhere else."""

from __future__ import annotations

import datetime as dt
import hashlib
import io
import itertools
import zlib
from pathlib import Path
from typing import Any

import factory
import numpy as np
from django.contrib.auth.models import User
from django.db import connection
from django.utils import timezone
from PIL import Image

from albums.models import Album, AlbumItem
from faces.models import Cluster, Face, Person
from gallery import kept, search_text
from gallery.models import Detection, File, Label, Library, Mark, Photo, SearchText, WorkState

_counter = itertools.count(1)


class UserFactory(factory.django.DjangoModelFactory[User]):
    class Meta:
        model = User

    username = factory.Sequence(lambda n: f"user{n}")


class LibraryFactory(factory.django.DjangoModelFactory[Library]):
    class Meta:
        model = Library

    name = factory.Sequence(lambda n: f"Library {n}")
    root = factory.Sequence(lambda n: f"/nowhere/library-{n}")


class PhotoFactory(factory.django.DjangoModelFactory[Photo]):
    """A photo that was read and is shown; `taken` is naive wall-clock time."""

    class Meta:
        model = Photo
        skip_postgeneration_save = True

    class Params:
        taken = dt.datetime(2024, 5, 17, 14, 5)

    library = factory.SubFactory(LibraryFactory)
    digest = factory.Sequence(lambda n: hashlib.sha256(str(n).encode()).hexdigest())
    mime = "image/jpeg"
    width = 4000
    height = 3000
    size_bytes = 4_000_000
    colour = "79b"
    taken_local = factory.LazyAttribute(lambda o: o.taken.replace(tzinfo=dt.UTC))
    sort_at = factory.LazyAttribute(lambda o: o.taken.replace(tzinfo=dt.UTC))
    month = factory.LazyAttribute(lambda o: o.taken.year * 100 + o.taken.month)
    taken_source = "exif"
    imported_at = factory.LazyFunction(timezone.now)
    work_state = WorkState.DONE

    @factory.post_generation
    def file(self: Photo, create: bool, extracted: str | None, **kwargs: Any) -> None:  # type: ignore[misc]
        if create:
            file = File.objects.create(
                library=self.library,
                photo=self,
                path=extracted or f"IMG_{self.pk:05d}.jpg",
                size_bytes=self.size_bytes,
                mtime_ns=self.pk,
            )
            if self.imported_at is not None:
                # What `search_text.write` would write, which asks the database for what is known here.
                text = search_text.joined([*(getattr(self, name) for name in search_text.COLUMNS), file.display])
                SearchText.objects.create(photo_id=self.pk, text=text)
            kept.touch([self.library_id])


def many_photos(like: Photo, count: int, **columns: str) -> None:
    """`count` more photos without files, in one statement: copies of a photo, each with a digest of its own. A column
    that is named has the value of an SQL expression over their number `n.i`, from 0."""
    names = [field.column for field in Photo._meta.concrete_fields if not field.primary_key]
    values = {name: f"like_.{name}" for name in names} | {"digest": "'d' || n.i"} | columns
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO gallery_photo ({', '.join(names)})"
            " WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < %s)"
            f" SELECT {', '.join(values[name] for name in names)} FROM n, gallery_photo like_ WHERE like_.id = %s",
            [count, like.pk],
        )


class LabelFactory(factory.django.DjangoModelFactory[Label]):
    class Meta:
        model = Label
        django_get_or_create = ("name",)

    name = factory.Sequence(lambda n: f"thing {n}")
    slug = factory.LazyAttribute(lambda o: o.name.replace(" ", "-"))


class DetectionFactory(factory.django.DjangoModelFactory[Detection]):
    class Meta:
        model = Detection

    photo = factory.SubFactory(PhotoFactory)
    label = factory.SubFactory(LabelFactory)
    score = 0.9
    x, y, w, h = 0.1, 0.2, 0.3, 0.4


class MarkFactory(factory.django.DjangoModelFactory[Mark]):
    class Meta:
        model = Mark

    user = factory.SubFactory(UserFactory)
    photo = factory.SubFactory(PhotoFactory)
    favourite = True


class PersonFactory(factory.django.DjangoModelFactory[Person]):
    class Meta:
        model = Person

    name = factory.Sequence(lambda n: f"Person {n}")


class ClusterFactory(factory.django.DjangoModelFactory[Cluster]):
    class Meta:
        model = Cluster

    model = "mobilefacenet"


def unit_vector(seed: int, length: int = 128) -> np.ndarray:
    """A random direction, float32 (length,), L2 length 1."""
    vector = np.random.default_rng(seed).normal(size=length)
    return (vector / np.linalg.norm(vector)).astype(np.float32)


class FaceFactory(factory.django.DjangoModelFactory[Face]):
    class Meta:
        model = Face

    photo = factory.SubFactory(PhotoFactory)
    x, y, w, h = 0.4, 0.2, 0.2, 0.3
    digest = factory.LazyAttribute(lambda o: o.photo.digest or "")
    score = 0.9
    quality = 0.8
    model = "mobilefacenet"
    embedding = factory.Sequence(lambda n: unit_vector(n).tobytes())
    embedding_crc = factory.LazyAttribute(lambda o: zlib.crc32(o.embedding or b""))


class AlbumFactory(factory.django.DjangoModelFactory[Album]):
    class Meta:
        model = Album

    name = factory.Sequence(lambda n: f"Album {n}")
    owner = factory.SubFactory(UserFactory)


class AlbumItemFactory(factory.django.DjangoModelFactory[AlbumItem]):
    class Meta:
        model = AlbumItem

    album = factory.SubFactory(AlbumFactory)
    photo = factory.SubFactory(PhotoFactory)
    position = factory.Sequence(lambda n: n * 1024)


def picture(width: int = 640, height: int = 480, seed: int | None = None) -> Image.Image:
    """A smooth coloured picture that differs with every seed, so that its content hash does as well."""
    seed = next(_counter) if seed is None else seed
    random = np.random.default_rng(seed)
    corners = random.integers(30, 226, size=(3, 4, 3), dtype=np.uint8)
    return Image.fromarray(corners).resize((width, height), Image.Resampling.BICUBIC)


def jpeg_bytes(
    width: int = 640,
    height: int = 480,
    *,
    seed: int | None = None,
    taken: dt.datetime | None = None,
    offset: str | None = None,
    camera: tuple[str, str] | None = None,
    orientation: int | None = None,
    gps: tuple[float, float] | None = None,
    quality: int = 85,
) -> bytes:
    """A JPEG with the given EXIF. `gps` is latitude, longitude in degrees."""
    exif = Image.Exif()
    if orientation:
        exif[0x0112] = orientation
    if camera:
        exif[0x010F], exif[0x0110] = camera
    details = exif.get_ifd(0x8769)
    if taken:
        details[0x9003] = taken.strftime("%Y:%m:%d %H:%M:%S")
    if offset:
        details[0x9011] = offset
    if gps:
        position = exif.get_ifd(0x8825)
        for tag, value, letters in ((1, gps[0], "NS"), (3, gps[1], "EW")):
            degrees = abs(value)
            minutes = (degrees % 1) * 60
            position[tag] = letters[value < 0]
            position[tag + 1] = (float(int(degrees)), float(int(minutes)), round((minutes % 1) * 60, 4))
    buffer = io.BytesIO()
    picture(width, height, seed).save(buffer, "JPEG", quality=quality, exif=exif)
    return buffer.getvalue()


def write_jpeg(folder: Path, name: str, **options: Any) -> Path:
    """Writes `jpeg_bytes(**options)` to `folder/name`, making folders on the way."""
    file = folder / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(jpeg_bytes(**options))
    return file
