"""Libraries and the walks through them."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.urls import reverse

from gallery import paths
from gallery.models.work import WorkItem


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
        LEAVING = "leaving", "being removed"

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
    mounts = models.JSONField(
        default=list, blank=True, editable=False, help_text="Folders in it that are drives of their own, when last seen"
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
    not_before = models.DateTimeField(null=True, blank=True, help_text="When files that were being written have rested")
    scope = models.JSONField(
        null=True, blank=True, default=None, help_text="Which folders it looks at (gallery.scope); none: all of them"
    )
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
            # One that waits beside one that runs: it sees what changed after the running one had passed.
            models.UniqueConstraint(
                fields=["library"], condition=Q(work_state="ready"), name="scan_one_waiting_per_library"
            ),
            models.UniqueConstraint(
                fields=["library"], condition=Q(work_state="claimed"), name="scan_one_running_per_library"
            ),
        ]

    def __str__(self) -> str:
        return f"scan {self.pk}"

    @property
    def is_whole(self) -> bool:
        """Whether it looks through all of the library."""
        return self.scope is None
