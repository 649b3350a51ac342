"""Libraries, photos, their files, and what was done to them.

`Photo` is what people see; its identity is the content hash within its library. `File` is where bytes lie. `Receipt`
says what was done to a photo, so progress, retry and history all read the same rows. Rules that must never break are
constraints of the database.
"""

from __future__ import annotations

import datetime as dt
import uuid

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.urls import reverse

from gallery import paths

# Where undated photos stand in the order of time: after everything that has a date.
UNDATED = dt.datetime(1000, 1, 1, tzinfo=dt.UTC)


class WorkState(models.TextChoices):
    READY = "ready", "waiting"
    CLAIMED = "claimed", "in work"
    DONE = "done", "done"
    FAILED = "failed", "failed"


class WorkItem(models.Model):
    """A row that workers claim with a lease. `attempts` is counted before the work, so that a killer is stopped."""

    work_state = models.CharField(max_length=8, choices=WorkState.choices, default=WorkState.READY)
    attempts = models.PositiveSmallIntegerField(default=0)
    lease_until = models.DateTimeField(null=True, blank=True)
    lease_owner = models.CharField(max_length=120, blank=True, help_text="host:pid:start of the process at work")
    error = models.TextField(blank=True, help_text="Why the last attempt failed, in words for a person")
    worked_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        abstract = True


class Library(models.Model):
    class Kind(models.TextChoices):
        EXTERNAL = "external", "read in place"
        MANAGED = "managed", "uploads"

    class Visibility(models.TextChoices):
        PRIVATE = "private", "only its owner"
        HOUSEHOLD = "household", "everyone in the house"

    class State(models.TextChoices):
        OK = "ok", "available"
        OFFLINE = "offline", "not reachable"
        HELD = "held", "waiting for a person"

    name = models.CharField(max_length=120)
    root = models.TextField(help_text="Absolute folder; bytes that are not UTF-8 are written %XX")
    kind = models.CharField(max_length=8, choices=Kind.choices, default=Kind.EXTERNAL)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="libraries"
    )
    visibility = models.CharField(max_length=9, choices=Visibility.choices, default=Visibility.HOUSEHOLD)
    state = models.CharField(max_length=7, choices=State.choices, default=State.OK)
    state_reason = models.TextField(blank=True)
    exclude = models.TextField(
        blank=True, help_text="Patterns of names to leave out, one a line, such as *.tmp or Private/*"
    )
    scan_every_min = models.PositiveIntegerField(default=60, help_text="Minutes between scans; 0: only when asked")
    revision = models.PositiveBigIntegerField(
        default=0, editable=False, help_text="Counts the changes to which photos it shows, and how"
    )
    empty_trash_days = models.PositiveSmallIntegerField(
        default=0,
        help_text="Uploads only: days until photos in the trash are deleted for good; 0: never by itself",
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name_plural = "libraries"
        ordering = ["name", "id"]
        constraints = [
            models.UniqueConstraint(fields=["root"], name="library_root_unique"),
            models.CheckConstraint(
                condition=Q(visibility="household") | Q(owner__isnull=False), name="library_private_has_owner"
            ),
        ]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("gallery:library_detail", args=[self.pk])

    @property
    def root_path(self) -> str:
        """The root for the `os` functions."""
        return paths.to_path(self.root)

    @property
    def root_display(self) -> str:
        return paths.display(self.root)


class Scan(WorkItem):
    """One walk through a library: the ledger that a person reads."""

    library = models.ForeignKey(Library, on_delete=models.CASCADE, related_name="scans")
    requested_at = models.DateTimeField(auto_now_add=True)
    started_at = models.DateTimeField(null=True, blank=True)
    accept_missing = models.BooleanField(
        default=False, help_text="A person said that the vanished files are really gone"
    )
    seen = models.PositiveIntegerField(default=0)
    added = models.PositiveIntegerField(default=0)
    changed = models.PositiveIntegerField(default=0)
    moved = models.PositiveIntegerField(default=0)
    gone = models.PositiveIntegerField(default=0)
    skipped = models.PositiveIntegerField(default=0, help_text="Files that are no pictures")
    notes = models.TextField(blank=True, help_text="Folders that could not be read, links that leave the root")

    class Meta:
        ordering = ["-id"]
        indexes = [models.Index(fields=["library", "-id"], name="scan_of_library")]
        constraints = [
            models.UniqueConstraint(
                fields=["library"], condition=Q(work_state__in=["ready", "claimed"]), name="scan_one_open_per_library"
            )
        ]

    def __str__(self) -> str:
        return f"scan {self.pk}"


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
        EXIF = "exif", "the camera"
        GPS = "gps", "GPS"
        PLACE = "place", "the place"
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
    imported_at = models.DateTimeField(null=True, blank=True, help_text="When it could first be shown")
    missing_since = models.DateTimeField(null=True, blank=True)
    trashed_at = models.DateTimeField(null=True, blank=True)
    trashed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
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
    class Role(models.TextChoices):
        PRIMARY = "primary", "picture"
        RAW = "raw", "raw"
        MOTION = "motion", "motion"
        SIDECAR = "sidecar", "sidecar"

    library = models.ForeignKey(Library, on_delete=models.CASCADE, related_name="files")
    photo = models.ForeignKey(Photo, on_delete=models.CASCADE, related_name="files")
    path = models.TextField(help_text="Relative to the library's root; bytes that are not UTF-8 are written %XX")
    size_bytes = models.PositiveBigIntegerField()
    mtime_ns = models.BigIntegerField()
    role = models.CharField(max_length=8, choices=Role.choices, default=Role.PRIMARY)
    digest = models.CharField(
        max_length=64, blank=True, help_text="What was read here last; empty: anything may be there now"
    )
    is_read = models.BooleanField(default=False, help_text="Read since a scan last found something new about it")
    missing_since = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["path"]
        constraints = [models.UniqueConstraint(fields=["library", "path"], name="file_path_once_per_library")]

    def __str__(self) -> str:
        return self.display

    @property
    def display(self) -> str:
        return paths.display(self.path)

    @property
    def name(self) -> str:
        return self.display.rsplit("/", 1)[-1]


class Receipt(models.Model):
    """What one analyzer did to one photo, and with which version of itself."""

    class State(models.TextChoices):
        OK = "ok", "done"
        FAILED = "failed", "failed"

    photo = models.ForeignKey(Photo, on_delete=models.CASCADE, related_name="receipts")
    analyzer = models.CharField(max_length=30)
    version = models.CharField(max_length=80)
    state = models.CharField(max_length=6, choices=State.choices, default=State.OK)
    error = models.TextField(blank=True)
    milliseconds = models.PositiveIntegerField(default=0)
    at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["photo", "analyzer"], name="receipt_one_per_analyzer")]
        indexes = [models.Index(fields=["analyzer", "state"], name="receipt_progress")]

    def __str__(self) -> str:
        return f"{self.analyzer} of photo {self.photo_id}"


class AnalyzerVersion(models.Model):
    """The version an analyzer had when photos were last queued for it; a difference queues them again."""

    name = models.CharField(max_length=30, unique=True)
    version = models.CharField(max_length=80, blank=True)
    changed_at = models.DateTimeField(auto_now=True)

    def __str__(self) -> str:
        return f"{self.name} {self.version}"


class Condition(models.Model):
    """Something about the whole installation that pages must say: the disk is full, the last sweep."""

    key = models.CharField(max_length=40, unique=True)
    text = models.TextField(blank=True)
    at = models.DateTimeField()

    def __str__(self) -> str:
        return self.key


class Label(models.Model):
    name = models.CharField(max_length=60, unique=True)
    slug = models.SlugField(max_length=60, unique=True)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("gallery:thing_detail", args=[self.slug])


class Box(models.Model):
    """A rectangle relative (0..1) to the upright picture; x and y are its upper left corner."""

    x = models.FloatField()
    y = models.FloatField()
    w = models.FloatField()
    h = models.FloatField()

    class Meta:
        abstract = True

    @staticmethod
    def inside(name: str) -> models.CheckConstraint:
        return models.CheckConstraint(
            condition=Q(x__gte=0, y__gte=0, w__gt=0, h__gt=0, w__lte=1.0001, h__lte=1.0001), name=name
        )


class Detection(Box):
    photo = models.ForeignKey(Photo, on_delete=models.CASCADE, related_name="detections")
    label = models.ForeignKey(Label, on_delete=models.CASCADE, related_name="detections")
    score = models.FloatField()

    class Meta:
        ordering = ["-score", "id"]
        constraints = [Box.inside("detection_box_inside")]
        indexes = [models.Index(fields=["label", "photo"], name="detection_label_photo")]

    def __str__(self) -> str:
        return f"{self.label_id} in photo {self.photo_id}"


class Mark(models.Model):
    """What one person set on a photo for themselves alone."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="marks")
    photo = models.ForeignKey(Photo, on_delete=models.CASCADE, related_name="marks")
    favourite = models.BooleanField(default=False)
    archived = models.BooleanField(default=False)
    changed_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "photo"], name="mark_one_per_user_and_photo")]
        indexes = [models.Index(fields=["user", "photo"], condition=Q(favourite=True), name="mark_favourites")]

    def __str__(self) -> str:
        return f"mark of user {self.user_id} on photo {self.photo_id}"


class Region(Box):
    """A face that another program marked and named in the picture's own notes or a sidecar; box as for faces."""

    photo = models.ForeignKey(Photo, on_delete=models.CASCADE, related_name="regions")
    name = models.CharField(max_length=120)

    class Meta:
        constraints = [Box.inside("region_box_inside")]

    def __str__(self) -> str:
        return f"region in photo {self.photo_id}"


class Change(models.Model):
    """Something a person changed about photos at once, such as their date; it can be undone as a whole."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="changes")
    text = models.CharField(max_length=200, help_text="What was done, in words for a person")
    at = models.DateTimeField(auto_now_add=True)
    undone_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"change {self.pk}"


class ChangedPhoto(models.Model):
    """What a photo was before and after a change: values of its columns by their names."""

    change = models.ForeignKey(Change, on_delete=models.CASCADE, related_name="photos")
    photo = models.ForeignKey(Photo, on_delete=models.CASCADE, related_name="changes")
    before = models.JSONField()
    after = models.JSONField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["change", "photo"], name="change_once_per_photo")]

    def __str__(self) -> str:
        return f"change {self.change_id} of photo {self.photo_id}"


class Upload(models.Model):
    """A file on its way into a managed library, in chunks; `received_bytes` lie in the data directory under its id."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="uploads")
    library = models.ForeignKey(Library, on_delete=models.CASCADE, related_name="uploads")
    name = models.TextField(help_text="The file's own name, without folders")
    size_bytes = models.PositiveBigIntegerField()
    received_bytes = models.PositiveBigIntegerField(default=0)
    digest = models.CharField(max_length=64, blank=True, help_text="SHA-256, if the browser told it beforehand")
    modified_at = models.DateTimeField(null=True, blank=True, help_text="The file's own time, as the browser told it")
    album = models.CharField(max_length=120, blank=True, help_text="Name of the folder it was dropped with")
    error = models.TextField(blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    changed_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["created_at"]
        constraints = [
            models.CheckConstraint(condition=Q(received_bytes__lte=F("size_bytes")), name="upload_not_longer_than_said")
        ]

    def __str__(self) -> str:
        return f"upload {self.pk}"


class Rendition(WorkItem):
    """A copy of a video that every browser plays, made in the background; it lies beside the thumbnails."""

    photo = models.OneToOneField(Photo, on_delete=models.CASCADE, related_name="rendition")
    digest = models.CharField(max_length=64, help_text="Of the video it was made from")
    percent = models.PositiveSmallIntegerField(default=0)

    class Meta:
        indexes = [models.Index(fields=["attempts", "id"], condition=Q(work_state="ready"), name="rendition_ready")]

    def __str__(self) -> str:
        return f"rendition of photo {self.photo_id}"


class DuplicateGroup(models.Model):
    """Photos of one library that look alike, for a person to choose from."""

    class State(models.TextChoices):
        OPEN = "open", "to be reviewed"
        KEPT = "kept", "all are kept"
        MERGED = "merged", "one was kept"

    library = models.ForeignKey(Library, on_delete=models.CASCADE, related_name="duplicate_groups")
    state = models.CharField(max_length=6, choices=State.choices, default=State.OPEN)
    decided_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    decided_at = models.DateTimeField(null=True, blank=True)
    undo = models.JSONField(null=True, blank=True, help_text="What went to the kept photo, so that it can go back")

    class Meta:
        indexes = [models.Index(fields=["library", "state"], name="duplicates_of_library")]

    def __str__(self) -> str:
        return f"duplicates {self.pk}"


class DuplicateMember(models.Model):
    group = models.ForeignKey(DuplicateGroup, on_delete=models.CASCADE, related_name="members")
    photo = models.ForeignKey(Photo, on_delete=models.CASCADE, related_name="duplicate_memberships")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["group", "photo"], name="duplicate_once_per_group")]

    def __str__(self) -> str:
        return f"photo {self.photo_id} among duplicates {self.group_id}"
