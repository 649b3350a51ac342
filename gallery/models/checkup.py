"""What the doctor found."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from gallery.models.work import WorkItem


class Checkup(WorkItem):
    """One look of the doctor at everything, or one fix that somebody asked for: how far it is, and what it found."""

    requested_at = models.DateTimeField(auto_now_add=True)
    with_content = models.BooleanField(default=False, help_text="Also the checks that read every original")
    fix = models.CharField(max_length=40, blank=True, help_text="The one check whose findings are to be mended")
    step = models.CharField(max_length=120, blank=True, help_text="The check that is at work")
    done = models.PositiveIntegerField(default=0)
    total = models.PositiveIntegerField(default=0)
    results = models.JSONField(default=list)

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["fix"], condition=Q(work_state__in=["ready", "claimed"]), name="checkup_one_open"
            )
        ]

    def __str__(self) -> str:
        return f"checkup {self.pk}"
