"""Photos and the files that hold them."""

from __future__ import annotations

import datetime as dt

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.urls import reverse

from gallery import paths
from gallery.models.library import Library
from gallery.models.work import WorkItem

# Where undated photos stand in the order of time: after everything that has a date.
UNDATED = dt.datetime(1000, 1, 1, tzinfo=dt.UTC)


class Photo(WorkItem):
    class Kind(models.TextChoices):
        IMAGE = "image", "picture"
        RAW = "raw", "raw picture"
        VIDEO = "video", "video"
        MOTION = "motion", "motion photo"

    class TakenSource(models.TextChoices):
        """Where the date comes from; docs/dates.md says which is trusted over which."""

        PERSON = "person", "a person"
        EXIF = "exif", "the camera"
        SIDECAR = "sidecar", "a sidecar file"
        XMP = "xmp", "the picture's own notes (XMP)"
        VIDEO = "video", "the video"
        EXIF_DIGITIZED = "digitized", "the scanner or camera (digitized)"
        IPTC = "iptc", "the picture's own notes (IPTC)"
        MAKER = "maker", "the maker's notes"
        TAKEOUT = "takeout", "Google Takeout"
        GPS = "gps", "GPS time"
        NAME = "name", "the file's name"
        EXIF_MODIFIED = "modified", "the last program that wrote the picture"
        FILE = "file", "the file's date"

    class OffsetSource(models.TextChoices):
        PERSON = "person", "a person"
        TAG = "tag", "the camera"
        GPS = "gps", "GPS"
        PLACE = "place", "the place"
        CAMERA = "camera", "the camera's time zone"
        HOUSEHOLD = "household", "the household's time zone"

    # No index of its own, and none below begins with the library: with a handful of libraries it narrows next to
    # nothing, but SQLite would take it for the timeline and sort all photos.
    library = models.ForeignKey(Library, on_delete=models.CASCADE, related_name="photos", db_index=False)
    # Null, not "": several photos of a library may be unread, and their digests must not count as equal.
    digest = models.CharField(  # noqa: DJ001
        max_length=64, null=True, blank=True, help_text="SHA-256 of the content; empty: not read yet"
    )
    kind = models.CharField(max_length=6, choices=Kind.choices, default=Kind.IMAGE)
    mime = models.CharField(max_length=40, blank=True)
    width = models.PositiveIntegerField(null=True, blank=True)
    height = models.PositiveIntegerField(null=True, blank=True)
    size_bytes = models.PositiveBigIntegerField(default=0)
    colour = models.CharField(max_length=3, default="888", help_text="Placeholder: red, green, blue as digits of 16")

    # Wall-clock time where the photo was taken, stored as if it were UTC: read it through `taken`, which is naive.
    taken_local = models.DateTimeField(null=True, blank=True)
    utc_offset_min = models.SmallIntegerField(null=True, blank=True)
    taken_source = models.CharField(max_length=10, choices=TakenSource.choices, blank=True)
    is_day_only = models.BooleanField(default=False, help_text="The time of day is not known")
    offset_source = models.CharField(max_length=10, choices=OffsetSource.choices, blank=True)
    month = models.PositiveIntegerField(default=0, help_text="Year and month of taken_local as yyyymm; 0: undated")
    sort_at = models.DateTimeField(
        default=UNDATED, help_text="taken_local, or a far past for undated photos: never null"
    )

    camera = models.CharField(max_length=120, blank=True)
    lens = models.CharField(max_length=120, blank=True)
    exposure_s = models.FloatField(null=True, blank=True)
    f_number = models.FloatField(null=True, blank=True)
    iso = models.PositiveIntegerField(null=True, blank=True)
    focal_mm = models.FloatField(null=True, blank=True)
    latitude = models.FloatField(null=True, blank=True)
    longitude = models.FloatField(null=True, blank=True)
    altitude_m = models.FloatField(null=True, blank=True)
    country = models.CharField(max_length=80, blank=True)
    region = models.CharField(max_length=120, blank=True)
    city = models.CharField(max_length=120, blank=True)
    caption = models.TextField(blank=True)
    keywords = models.TextField(blank=True, help_text="From the file and its sidecars, one a line")
    rating = models.PositiveSmallIntegerField(null=True, blank=True)
    set_by_people = models.CharField(
        max_length=60, blank=True, help_text="What people set: taken, position, caption, rating; no file changes these"
    )

    duration_s = models.FloatField(null=True, blank=True)
    is_animated = models.BooleanField(default=False)
    motion_at = models.PositiveBigIntegerField(
        null=True, blank=True, help_text="Where in the file of a motion photo its moving part begins"
    )
    motion_bytes = models.PositiveBigIntegerField(null=True, blank=True)
    content_id = models.CharField(max_length=64, blank=True, help_text="What both parts of a live photo have in common")
    phash = models.BigIntegerField(null=True, blank=True, help_text="Perceptual hash; near ones look alike")

    added_at = models.DateTimeField(auto_now_add=True)
    imported_at = models.DateTimeField(
        null=True,
        blank=True,
        help_text="When it could first be shown; empty: not read yet, or only a part of another photo",
    )
    missing_since = models.DateTimeField(null=True, blank=True)
    trashed_at = models.DateTimeField(null=True, blank=True)
    trashed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    purge_asked_at = models.DateTimeField(
        null=True, blank=True, help_text="When a person, or the trash's own rule, said to delete it for good"
    )

    class Meta:
        ordering = ["-sort_at", "-id"]
        constraints = [
            models.UniqueConstraint(fields=["digest", "library"], name="photo_content_once_per_library"),
            models.CheckConstraint(
                condition=Q(width__isnull=True) | Q(width__gt=0, height__gt=0), name="photo_size_positive"
            ),
            models.CheckConstraint(
                condition=Q(latitude__isnull=True) | Q(latitude__range=(-90, 90), longitude__range=(-180, 180)),
                name="photo_position_on_earth",
            ),
            models.CheckConstraint(
                condition=Q(imported_at__isnull=True) | Q(digest__isnull=False, width__isnull=False),
                name="photo_shown_is_read",
            ),
            models.CheckConstraint(
                condition=Q(purge_asked_at__isnull=True) | Q(trashed_at__isnull=False), name="photo_purged_from_trash"
            ),
        ]
        indexes = [
            models.Index(fields=["attempts", "id"], condition=Q(work_state="ready"), name="photo_ready"),
            models.Index(fields=["lease_until"], condition=Q(work_state="claimed"), name="photo_claimed"),
            models.Index(fields=["work_state", "library"], name="photo_progress"),
            models.Index(
                fields=["-sort_at", "-id", "library"],
                condition=Q(imported_at__isnull=False, trashed_at__isnull=True),
                name="photo_timeline",
            ),
            models.Index(
                fields=["month", "library", "width", "height"],
                condition=Q(imported_at__isnull=False, trashed_at__isnull=True),
                name="photo_month_counts",
            ),
            models.Index(
                fields=["country", "region", "city", "library"],
                condition=Q(imported_at__isnull=False, trashed_at__isnull=True) & ~Q(country=""),
                name="photo_places",
            ),
            models.Index(fields=["-worked_at"], condition=Q(worked_at__isnull=False), name="photo_worked"),
            models.Index(fields=["trashed_at"], condition=Q(trashed_at__isnull=False), name="photo_trash"),
            models.Index(fields=["content_id"], condition=~Q(content_id=""), name="photo_content_id"),
        ]

    def __str__(self) -> str:
        return f"photo {self.pk}"

    def get_absolute_url(self) -> str:
        return reverse("gallery:photo_detail", args=[self.pk])

    @property
    def taken(self) -> dt.datetime | None:
        """Wall-clock time where the photo was taken, naive."""
        return self.taken_local.replace(tzinfo=None) if self.taken_local else None

    def set_taken(self, taken: dt.datetime | None, *, utc_offset_min: int | None, source: str) -> None:
        """Sets every column that follows from the naive wall-clock time `taken`; None makes the photo undated."""
        self.taken_local = taken.replace(tzinfo=dt.UTC) if taken else None
        self.utc_offset_min = utc_offset_min if taken else None
        self.taken_source = source if taken else ""
        self.month = taken.year * 100 + taken.month if taken else 0
        self.sort_at = self.taken_local or UNDATED

    @property
    def aspect(self) -> float:
        return (self.width or 1) / (self.height or 1)

    @property
    def megapixels(self) -> float:
        return (self.width or 0) * (self.height or 0) / 1e6


class File(models.Model):
    """Where the bytes of a photo lie.

    `photo` is always the one whose content this is. A file that is only a part of another photo, as the film of a live
    photo is, has that one as `main` (`gallery.joins`); a photo all of whose files are parts is shown to nobody.
    """

    class Role(models.TextChoices):
        PRIMARY = "primary", "picture"
        RAW = "raw", "raw"
        MOTION = "motion", "motion"

    library = models.ForeignKey(Library, on_delete=models.CASCADE, related_name="files")
    photo = models.ForeignKey(Photo, on_delete=models.CASCADE, related_name="files")
    path = models.TextField(help_text="Relative to the library's root; bytes that are not UTF-8 are written %XX")
    size_bytes = models.PositiveBigIntegerField()
    mtime_ns = models.BigIntegerField()
    role = models.CharField(max_length=8, choices=Role.choices, default=Role.PRIMARY)
    main = models.ForeignKey(
        Photo,
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="parts",
        db_index=False,
        help_text="The photo that this file is a part of",
    )
    sidecars = models.TextField(
        blank=True,
        help_text="Files beside it that speak of it, as the last scan found them: size, time and name a line",
    )
    stem = models.BigIntegerField(
        default=0, help_text="Hash of folder and name without ending, which files of one shot have in common"
    )
    digest = models.CharField(
        max_length=64, blank=True, help_text="What was read here last; empty: anything may be there now"
    )
    is_read = models.BooleanField(default=False, help_text="Read since a scan last found something new about it")
    missing_since = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["path"]
        constraints = [models.UniqueConstraint(fields=["library", "path"], name="file_path_once_per_library")]
        indexes = [
            models.Index(fields=["library", "size_bytes"], condition=Q(is_read=False), name="file_unread"),
            models.Index(fields=["library", "stem"], name="file_stem"),
            models.Index(fields=["main"], condition=Q(main__isnull=False), name="file_part_of"),
            models.Index(fields=["role"], condition=~Q(role="primary"), name="file_parts"),
        ]

    def __str__(self) -> str:
        return self.display

    @property
    def display(self) -> str:
        return paths.display(self.path)

    @property
    def name(self) -> str:
        return self.display.rsplit("/", 1)[-1]
