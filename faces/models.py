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
    # A person who was found to be another stays as a row without faces, so that a merge can be undone weeks later.
    merged_into = models.ForeignKey("self", null=True, blank=True, on_delete=models.SET_NULL, related_name="merged")
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
    # Counts every face, whoever may see it: it bounds what `suggestions.largest` counts, and is no order of its own.
    size = models.PositiveIntegerField(default=0, help_text="Faces in it that are nobody's yet")
    # Who it may be, and the mean cosine distance to the faces that were confirmed as that person.
    near_person = models.ForeignKey(Person, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    near_distance = models.FloatField(null=True, blank=True)
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

    photo = models.ForeignKey(Photo, on_delete=models.CASCADE, related_name="faces", db_index=False)
    landmarks = models.BinaryField(null=True, blank=True, help_text="float32 (5, 2), relative to the upright picture")
    digest = models.CharField(max_length=64, blank=True, help_text="The content of the photo in which the box is right")
    score = models.FloatField()
    quality = models.FloatField(default=0)
    embedding = models.BinaryField(null=True, blank=True, help_text="float32, L2 length 1")
    embedding_crc = models.PositiveBigIntegerField(default=0, help_text="CRC-32 of the embedding: whether it changed")
    model = models.CharField(max_length=40, blank=True, help_text="The embedding model that made it")
    is_drawn = models.BooleanField(default=False, help_text="A person drew the box; no detector takes it away")
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
    # Of a face that nobody confirmed: whose confirmed face is nearest, within reach, refusals left out. It may be too
    # far away to be given to that person: then it is a question.
    near_person = models.ForeignKey(Person, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    near_distance = models.FloatField(null=True, blank=True, help_text="Cosine distance to that confirmed face")

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
                fields=["person", "is_confirmed", "-quality", "id", "photo"],
                condition=Q(person__isnull=False),
                name="face_of_person",
            ),
            models.Index(fields=["photo", "person", "state"], name="face_of_photo"),
            models.Index(fields=["cluster", "state", "-quality", "id", "photo"], name="face_of_cluster"),
            models.Index(
                fields=(
                    "model id state photo person cluster is_confirmed decided_by quality embedding_crc near_person "
                    "near_distance"
                ).split(),
                name="face_of_model",
            ),
            # What may be asked: faces that are nobody's, and guesses, by how near they are to whom they may be.
            models.Index(
                fields=["state", "near_distance", "id"],
                condition=Q(near_person__isnull=False),
                name="face_near_somebody",
            ),
            # Strangers: every list of people asks whether there are any. No partial index: SQLite uses none where the
            # value comes as a parameter.
            models.Index(fields=["state", "id", "photo"], name="face_of_state"),
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


class FacePair(models.Model):
    """Somebody said that two faces are never one person, or always. Remembered for ever; `one` has the lower id."""

    one = models.ForeignKey(Face, on_delete=models.CASCADE, related_name="+")
    other = models.ForeignKey(Face, on_delete=models.CASCADE, related_name="+")
    is_same = models.BooleanField(help_text="Always one person; otherwise never")
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["one", "other"], name="face_pair_once"),
            models.CheckConstraint(condition=Q(one__lt=models.F("other")), name="face_pair_in_order"),
        ]

    def __str__(self) -> str:
        return f"faces {self.one_id} and {self.other_id} are {'one person' if self.is_same else 'two people'}"


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
        MERGE = "merge", "said that two people are one"
        MOVE = "move", "moved faces"
        IGNORE = "ignore", "set strangers aside"
        BIRTH = "birth", "told a date of birth"
        PAIR = "pair", "said whether two faces are one person"
        DRAW = "draw", "drew a face"
        RULES = "rules", "changed how faces are compared"

    kind = models.CharField(max_length=12, choices=Kind.choices)
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    person = models.ForeignKey(Person, null=True, blank=True, on_delete=models.SET_NULL, related_name="events")
    before = models.JSONField(default=dict)
    at = models.DateTimeField(auto_now_add=True)
    undone_at = models.DateTimeField(null=True, blank=True)
    undone_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )

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
    # Distances that a person chose after a preview; null: those that the library measured, or the catalog's.
    eps = models.FloatField(null=True, blank=True)
    link_distance = models.FloatField(null=True, blank=True)
    match_distance = models.FloatField(null=True, blank=True)
    calibration = models.JSONField(default=dict, blank=True, help_text="What the library measured of its own strangers")
    lease_until = models.DateTimeField(null=True, blank=True)
    lease_owner = models.CharField(max_length=120, blank=True)
    face_count = models.PositiveIntegerField(default=0)
    cluster_count = models.PositiveIntegerField(default=0)
    merge_count = models.PositiveIntegerField(default=0, help_text="Groups that the last run took into others")
    split_count = models.PositiveIntegerField(default=0, help_text="Groups that the last run parted from others")
    milliseconds = models.PositiveIntegerField(default=0)
    finished_at = models.DateTimeField(null=True, blank=True)
    error = models.TextField(blank=True)

    def __str__(self) -> str:
        return f"clustering with {self.model}"


class Preview(models.Model):
    """A run of clustering in the shadow, by other distances or another model: nothing changes before it is accepted."""

    class State(models.TextChoices):
        WAITING = "waiting", "waiting"
        RUNNING = "running", "running"
        READY = "ready", "ready"
        SWITCHING = "switching", "being put in use"
        FAILED = "failed", "failed"
        DONE = "done", "accepted or discarded"

    model = models.CharField(max_length=40, help_text="The embedding model whose faces it compares")
    rules = models.JSONField(default=dict, help_text="eps, link_distance, match_distance, as far as they were changed")
    state = models.CharField(max_length=10, choices=State.choices, default=State.WAITING)
    is_accepted = models.BooleanField(default=False)
    asked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    asked_at = models.DateTimeField(auto_now_add=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    seen = models.CharField(max_length=200, blank=True, help_text="The fingerprint of the faces that it saw")
    total = models.PositiveIntegerField(default=0)
    result = models.JSONField(default=dict, help_text="What would change, per person and in all")
    error = models.TextField(blank=True)
    # Another model comes into use by a worker. Where the former one comes back, `entry` is what is taken back.
    used_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    is_way_back = models.BooleanField(default=False, help_text="Takes the entry of a switch back; nothing was compared")
    entry = models.ForeignKey(Event, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    attempts = models.PositiveSmallIntegerField(default=0)
    lease_until = models.DateTimeField(null=True, blank=True)
    lease_owner = models.CharField(max_length=120, blank=True)

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"preview #{self.pk} with {self.model}"


class SpareEmbedding(models.Model):
    """A face as another model sees it, made in the background while the present one is still in use."""

    face = models.ForeignKey(Face, on_delete=models.CASCADE, related_name="spares", db_index=False)
    model = models.CharField(max_length=40)
    # The present embedding when it was made: a face that was found anew since needs another.
    made_of = models.PositiveBigIntegerField(help_text="The face's embedding_crc")
    embedding = models.BinaryField(null=True, help_text="float32, L2 length 1; null: not made yet, or see reason")
    crc = models.PositiveBigIntegerField(default=0, help_text="CRC-32 of the embedding")
    reason = models.CharField(max_length=200, blank=True, help_text="Why there is none")
    attempts = models.PositiveSmallIntegerField(default=0)
    lease_until = models.DateTimeField(null=True, blank=True)
    lease_owner = models.CharField(max_length=120, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["model", "face"], name="spare_embedding_once")]

    def __str__(self) -> str:
        return f"face {self.face_id} with {self.model}"
