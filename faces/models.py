"""Faces, the people they belong to, and the suggestions of clustering.

A `Person` is a durable row that somebody named. A `Cluster` is only a suggestion and may be made anew at any time.
What a person decided about a face (`is_confirmed`, `Refusal`) binds every later run.
"""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower
from django.urls import reverse

from gallery.boxes import Box
from gallery.models import Photo


class Person(models.Model):
    name = models.CharField(max_length=120)
    cover = models.ForeignKey("Face", null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    hidden = models.BooleanField(default=False)
    birth_date = models.DateField(null=True, blank=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name_plural = "people"
        ordering = ["name", "id"]
        indexes = [models.Index(Lower("name"), name="person_name_lower")]
        constraints = [models.CheckConstraint(condition=~Q(name=""), name="person_has_name")]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("faces:person_detail", args=[self.pk])


class Cluster(models.Model):
    """A group of faces that look alike to one embedding model. Its id lives on while its faces mostly do."""

    model = models.CharField(max_length=40)
    # Counts every face, whoever may see it: it orders the list and is shown to nobody.
    size = models.PositiveIntegerField(default=0, help_text="Faces in it that are nobody's yet")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        indexes = [models.Index(fields=["-size", "id"], name="cluster_largest")]

    def __str__(self) -> str:
        return f"suggestion {self.pk}"

    def get_absolute_url(self) -> str:
        return reverse("faces:cluster_detail", args=[self.pk])


class Face(Box):
    class State(models.TextChoices):
        UNKNOWN = "unknown", "unknown"
        ASSIGNED = "assigned", "assigned"
        IGNORED = "ignored", "a stranger"
        NOT_A_FACE = "not_a_face", "not a face"

    photo = models.ForeignKey(Photo, on_delete=models.CASCADE, related_name="faces")
    landmarks = models.BinaryField(null=True, blank=True, help_text="float32 (5, 2), relative to the upright picture")
    digest = models.CharField(max_length=64, blank=True, help_text="The content of the photo in which the box is right")
    score = models.FloatField()
    quality = models.FloatField(default=0)
    embedding = models.BinaryField(null=True, blank=True, help_text="float32, L2 length 1")
    model = models.CharField(max_length=40, blank=True, help_text="The embedding model that made it")
    state = models.CharField(max_length=10, choices=State.choices, default=State.UNKNOWN)
    person = models.ForeignKey(
        Person, null=True, blank=True, on_delete=models.PROTECT, related_name="faces", db_index=False
    )
    is_confirmed = models.BooleanField(default=False, help_text="A person decided; no later run changes it")
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    cluster = models.ForeignKey(
        Cluster, null=True, blank=True, on_delete=models.SET_NULL, related_name="faces", db_index=False
    )

    class Meta:
        ordering = ["-quality", "id"]
        constraints = [
            Box.inside("face_box_inside"),
            models.CheckConstraint(
                condition=~Q(state="assigned") | Q(person__isnull=False), name="face_assigned_has_person"
            ),
            models.CheckConstraint(
                condition=Q(state="assigned") | Q(person__isnull=True), name="face_of_person_is_assigned"
            ),
        ]
        indexes = [
            # Rows are wide (an embedding is 512 bytes), so each of these holds all that its lists and counts ask for.
            models.Index(
                fields=["person", "-quality", "id", "photo"],
                condition=Q(person__isnull=False),
                name="face_of_person",
            ),
            models.Index(fields=["cluster", "state", "-quality", "id", "photo"], name="face_of_cluster"),
            models.Index(fields=["model", "id", "state", "photo", "is_confirmed", "person"], name="face_of_model"),
        ]

    def __str__(self) -> str:
        return f"face {self.pk} in photo {self.photo_id}"

    @property
    def is_placed(self) -> bool:
        """Whether the box is right for what the photo shows now: not after an edit, until the face is found again."""
        return self.digest == (self.photo.digest or "")


class Refusal(models.Model):
    """Somebody said that this face is not this person. Remembered for ever."""

    face = models.ForeignKey(Face, on_delete=models.CASCADE, related_name="refusals")
    person = models.ForeignKey(Person, on_delete=models.CASCADE, related_name="refusals")
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["face", "person"], name="refusal_once")]

    def __str__(self) -> str:
        return f"face {self.face_id} is not person {self.person_id}"


class Event(models.Model):
    """The journal of what people decided about people, each entry with what is needed to undo it."""

    class Kind(models.TextChoices):
        NAME = "name", "named"
        RENAME = "rename", "renamed"
        REFUSE = "refuse", "said it is somebody else"
        NO_FACE = "no_face", "said it is no face"
        COVER = "cover", "chose a cover"
        HIDE = "hide", "hid or showed"
        MARKED = "marked", "named as a file says"

    kind = models.CharField(max_length=12, choices=Kind.choices)
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    person = models.ForeignKey(Person, null=True, blank=True, on_delete=models.SET_NULL, related_name="events")
    before = models.JSONField(default=dict)
    at = models.DateTimeField(auto_now_add=True)
    undone_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"{self.kind} #{self.pk}"


class MarkedName(models.Model):
    """A name that another program gave a face, in the picture's own notes or beside it, and that was gone by, once.

    As long as the row is there the same name is never again taken from the files of this photo: what a person made of
    it since, by another name, "not Anna" or undo, stands. Without `face`: it was somebody else's by what a file says.
    """

    photo = models.ForeignKey(Photo, on_delete=models.CASCADE, related_name="+", db_index=False)
    name = models.CharField(max_length=240, help_text="Folded, as names are compared")
    face = models.ForeignKey(Face, null=True, blank=True, on_delete=models.SET_NULL, related_name="marked_names")
    person = models.ForeignKey(Person, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["photo", "name"], name="marked_name_once")]
        indexes = [models.Index(fields=["name"], name="marked_name")]

    def __str__(self) -> str:
        return f"a name in photo {self.photo_id}"


class Clustering(models.Model):
    """The state of clustering for one embedding model: what was asked for and what is done, the last run, its lease."""

    model = models.CharField(max_length=40, unique=True)
    wanted = models.PositiveBigIntegerField(default=0, help_text="Counted up by everything that changes the faces")
    done = models.PositiveBigIntegerField(default=0, help_text="The revision that the last run saw")
    faces_wanted = models.PositiveBigIntegerField(
        default=0, help_text="Counted up as well when faces changed, and not only what people decided about them"
    )
    faces_done = models.PositiveBigIntegerField(default=0)
    fingerprint = models.CharField(max_length=200, blank=True, help_text="The rules, faces and decisions that it saw")
    lease_until = models.DateTimeField(null=True, blank=True)
    lease_owner = models.CharField(max_length=120, blank=True)
    face_count = models.PositiveIntegerField(default=0)
    cluster_count = models.PositiveIntegerField(default=0)
    milliseconds = models.PositiveIntegerField(default=0)
    finished_at = models.DateTimeField(null=True, blank=True)
    error = models.TextField(blank=True)

    def __str__(self) -> str:
        return f"clustering with {self.model}"
