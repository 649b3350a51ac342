"""The albums app: albums."""

from django.apps import AppConfig


class AlbumsConfig(AppConfig):
    name = "albums"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from albums import destinations as places
        from albums import losses as own_losses
        from albums import panels, sets
        from gallery import destinations, losses, photo_panels, photosets

        destinations.register("album", places.ALBUMS)
        photosets.register("album", sets.resolve)
        photo_panels.register("albums", panels.albums_panel, order=50)
        losses.register("albums", own_losses.tell, order=10)
