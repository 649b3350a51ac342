"""The albums app: albums."""

from django.apps import AppConfig


class AlbumsConfig(AppConfig):
    name = "albums"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from albums import panels, sets
        from gallery import photo_panels, photosets

        photosets.register("album", sets.resolve)
        photo_panels.register("albums", panels.albums_panel, order=50)
