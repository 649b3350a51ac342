"""What was done to photos, and found in them."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.urls import reverse

from gallery.boxes import Box
from gallery.models.photo import Photo
from gallery.models.work import WorkItem


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
    """The version an analyzer had when photos were last queued for it; a difference queues them again.

    It names the models in use, which stay in use: a machine that lacks them leaves this analyzer out. `is_behind`: some
    photos were read where it was left out, so they are to be queued by a machine that has what it needs.
    """

    name = models.CharField(max_length=30, unique=True)
    version = models.CharField(max_length=80, blank=True)
    is_behind = models.BooleanField(default=False)
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


class SearchText(models.Model):
    """What free words of a search are looked for in; `gallery.search_text` writes it."""

    photo = models.OneToOneField(Photo, on_delete=models.CASCADE, primary_key=True, related_name="search_text")
    text = models.TextField(help_text="Paths, caption, keywords, camera, lens and place, folded, a line for each")

    def __str__(self) -> str:
        return f"search text of photo {self.photo_id}"


class Label(models.Model):
    name = models.CharField(max_length=60, unique=True)
    slug = models.SlugField(max_length=60, unique=True)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("gallery:thing_detail", args=[self.slug])


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


class Region(Box):
    """A face that another program marked and named in the picture's own notes or a sidecar; box as for faces."""

    photo = models.ForeignKey(Photo, on_delete=models.CASCADE, related_name="regions")
    name = models.CharField(max_length=120)

    class Meta:
        constraints = [Box.inside("region_box_inside")]

    def __str__(self) -> str:
        return f"region in photo {self.photo_id}"


class Rendition(WorkItem):
    """A copy of a video that every browser plays, made in the background; it lies beside the thumbnails."""

    photo = models.OneToOneField(Photo, on_delete=models.CASCADE, related_name="rendition")
    digest = models.CharField(max_length=64, help_text="Of the video it was made from")
    percent = models.PositiveSmallIntegerField(default=0)

    class Meta:
        indexes = [models.Index(fields=["attempts", "id"], condition=Q(work_state="ready"), name="rendition_ready")]

    def __str__(self) -> str:
        return f"rendition of photo {self.photo_id}"
