"""What a scan found that only a person can judge."""

from __future__ import annotations

from django.conf import settings
from django.db import models

from gallery.models.library import Library


class Review(models.Model):
    """The question that a held or offline library asks, what the last scan found out about it, and the answer.

    Gone when the library is available again.
    """

    class Answer(models.TextChoices):
        AWAY = "away", "the drive is away"
        RELINK = "relink", "they were moved"

    library = models.OneToOneField(Library, on_delete=models.CASCADE, primary_key=True, related_name="review")
    at = models.DateTimeField(auto_now=True)
    gone = models.PositiveIntegerField(default=0, help_text="Files that the last scan did not find")
    present = models.PositiveIntegerField(default=0, help_text="Files that there were before it, those included")
    folders = models.JSONField(
        default=list, help_text="Where they lay: folder, count, found (by content), photos (a few ids)"
    )
    elsewhere = models.JSONField(
        default=dict, help_text="How many of their photos other libraries show as well, by library id"
    )
    candidates = models.PositiveIntegerField(default=0, help_text="New files whose size is that of one that is gone")
    checked = models.PositiveIntegerField(default=0, help_text="Those of them whose content was compared")
    found = models.PositiveIntegerField(default=0, help_text="Files that are gone and were found again by content")
    answer = models.CharField(max_length=6, choices=Answer.choices, blank=True)
    answered_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    answered_at = models.DateTimeField(null=True, blank=True)
    answered_gone = models.PositiveIntegerField(default=0, help_text="How many were gone when it was answered")

    def __str__(self) -> str:
        return f"review of library {self.library_id}"


class Candidate(models.Model):
    """A new file of a held library that may be one of those that are gone, and what it holds.

    Kept so that no scan hashes it twice while the library waits for an answer.
    """

    library = models.ForeignKey(Library, on_delete=models.CASCADE, related_name="candidates")
    path = models.TextField(help_text="As in File")
    size_bytes = models.PositiveBigIntegerField()
    mtime_ns = models.BigIntegerField()
    digest = models.CharField(max_length=64)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["library", "path"], name="candidate_path_once_per_library")]

    def __str__(self) -> str:
        return f"candidate {self.pk}"
