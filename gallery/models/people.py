"""What people set, changed, decided and sent."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from gallery.models.library import Library
from gallery.models.photo import Photo


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


class DuplicateGroup(models.Model):
    """Photos of one library that look alike, for a person to choose from. `gallery.duplicates` does all with it."""

    class Kind(models.TextChoices):
        SAME = "same", "the same picture"
        ROW = "row", "alike"

    class State(models.TextChoices):
        OPEN = "open", "to be reviewed"
        ASKED = "asked", "a worker is to decide as proposed, or to take it back"
        KEPT = "kept", "all are kept"
        MERGED = "merged", "one was kept"

    library = models.ForeignKey(Library, on_delete=models.CASCADE, related_name="duplicate_groups")
    kind = models.CharField(max_length=4, choices=Kind.choices, default=Kind.SAME)
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
    sharpness = models.FloatField(default=0, help_text="Of its small picture, to be compared within the group")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["group", "photo"], name="duplicate_once_per_group")]

    def __str__(self) -> str:
        return f"photo {self.photo_id} among duplicates {self.group_id}"


class DuplicateSearch(models.Model):
    """Up to where the search for duplicates of a library has come."""

    library = models.OneToOneField(Library, on_delete=models.CASCADE, related_name="duplicate_search")
    revision = models.PositiveBigIntegerField(help_text="The library's revision that the last whole search saw")
    version = models.CharField(max_length=10, help_text="Of the rules")
    at = models.DateTimeField(auto_now=True)

    def __str__(self) -> str:
        return f"search for duplicates in library {self.library_id}"


class Upload(models.Model):
    """A file on its way into a managed library, in chunks.

    Until it is finished, its first `received_bytes` lie under its id in the folder that the library keeps for this
    (`gallery.staging`). `path` is written before the file is put there, so that after a sudden end the next one to
    look knows how far it came.
    """

    class Outcome(models.TextChoices):
        STORED = "stored", "in the library"
        PRESENT = "present", "was there already"
        REFUSED = "refused", "refused"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="uploads")
    library = models.ForeignKey(Library, on_delete=models.CASCADE, related_name="uploads")
    name = models.TextField(help_text="The file's own name, without folders")
    size_bytes = models.PositiveBigIntegerField()
    received_bytes = models.PositiveBigIntegerField(default=0)
    digest = models.CharField(max_length=64, blank=True, help_text="SHA-256, if the browser told it beforehand")
    modified_at = models.DateTimeField(null=True, blank=True, help_text="The file's own time, as the browser told it")
    album = models.CharField(max_length=160, blank=True, help_text="Where else it goes (gallery.destinations)")
    path = models.TextField(blank=True, help_text="Where it is put, relative to the library's root")
    outcome = models.CharField(max_length=7, choices=Outcome.choices, blank=True, help_text="Empty: not finished")
    photo = models.ForeignKey(Photo, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    error = models.TextField(blank=True, help_text="Why it was refused, in words for a person")
    created_at = models.DateTimeField(auto_now_add=True)
    changed_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["created_at"]
        indexes = [models.Index(fields=["user", "created_at"], condition=Q(outcome=""), name="upload_open")]
        constraints = [
            models.CheckConstraint(condition=Q(received_bytes__lte=F("size_bytes")), name="upload_not_longer_than_said")
        ]

    def __str__(self) -> str:
        return f"upload {self.pk}"

    @property
    def is_complete(self) -> bool:
        """Whether every byte has arrived."""
        return self.received_bytes == self.size_bytes
