"""Work that workers claim."""

from __future__ import annotations

from django.db import models


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
    lease_owner = models.CharField(max_length=120, blank=True, help_text="host@namespace:pid:start of the process")
    error = models.TextField(blank=True, help_text="Why the last attempt failed, in words for a person")
    worked_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        abstract = True
