"""Albums: ordered collections of photos that one person made, for themselves or for the house."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.urls import reverse

from gallery.models import Library, Photo


class Album(models.Model):
    class Visibility(models.TextChoices):
        PRIVATE = "private", "only me"
        HOUSEHOLD = "household", "everyone in the house"

    class Order(models.TextChoices):
        OLDEST = "oldest", "oldest first"
        NEWEST = "newest", "newest first"
        MANUAL = "manual", "my own order"

    name = models.CharField(max_length=120)
    description = models.TextField(blank=True, max_length=4000)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="albums")
    visibility = models.CharField(max_length=9, choices=Visibility.choices, default=Visibility.PRIVATE)
    order = models.CharField(max_length=6, choices=Order.choices, default=Order.OLDEST)
    is_arranged = models.BooleanField(
        default=False, help_text="Someone moved an item: from then on the positions are work that is kept"
    )
    cover = models.ForeignKey(Photo, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    changed_at = models.DateTimeField(auto_now=True)
    deleted_at = models.DateTimeField(null=True, blank=True, help_text="Shown to nobody, and can still be brought back")

    class Meta:
        ordering = ["-changed_at", "-id"]
        constraints = [models.CheckConstraint(condition=~Q(name=""), name="album_has_name")]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("albums:album_detail", args=[self.pk])


class AlbumItem(models.Model):
    """A photo in an album. Items stand by (position, photo), so their order is total even where positions are equal."""

    album = models.ForeignKey(Album, on_delete=models.CASCADE, related_name="items")
    photo = models.ForeignKey(Photo, on_delete=models.CASCADE, related_name="album_items")
    position = models.BigIntegerField(
        help_text="Ascending; gaps leave room to move one item without touching the others"
    )
    added_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    added_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["position", "photo_id"]
        constraints = [models.UniqueConstraint(fields=["album", "photo"], name="album_photo_once")]
        indexes = [models.Index(fields=["album", "position", "photo"], name="album_item_order")]

    def __str__(self) -> str:
        return f"photo {self.photo_id} in album {self.album_id}"


class ImportedAlbum(models.Model):
    """A folder of an export that is an album there. Remembered for ever: an album is made of it once."""

    TITLE_CHARS = 120

    library = models.ForeignKey(Library, on_delete=models.CASCADE, related_name="+", db_index=False)
    folder = models.TextField(blank=True, help_text="Relative to the library's root, as paths of files are written")
    title = models.CharField(max_length=TITLE_CHARS, help_text="What the export calls it")
    album = models.ForeignKey(Album, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    made_at = models.DateTimeField(null=True, blank=True, help_text="With no album since: a person deleted it for good")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["library", "folder"], name="imported_album_once_per_folder")]

    def __str__(self) -> str:
        return f"imported album {self.pk}"


class ImportedPhoto(models.Model):
    """A photo that was found in such a folder. It is put into the album once."""

    source = models.ForeignKey(ImportedAlbum, on_delete=models.CASCADE, related_name="photos", db_index=False)
    photo = models.ForeignKey(Photo, on_delete=models.CASCADE, related_name="+")
    placed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["source", "photo"], name="imported_photo_once")]
        indexes = [models.Index(fields=["source"], condition=Q(placed_at__isnull=True), name="imported_photo_waiting")]

    def __str__(self) -> str:
        return f"photo {self.photo_id} of imported album {self.source_id}"
