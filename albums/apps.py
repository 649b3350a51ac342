"""The albums app: albums."""

from django.apps import AppConfig


class AlbumsConfig(AppConfig):
    name = "albums"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from albums import destinations as places
        from albums import panels, queries, sets
        from albums.keeper import AlbumKeeper
        from gallery import destinations, keepsakes, photo_panels, photosets
        from gallery.duplicates import worth

        destinations.register("album", places.ALBUMS)
        keepsakes.register(AlbumKeeper())
        worth.register(queries.worth)
        photosets.register("album", sets.resolve)
        photo_panels.register("albums", panels.albums_panel, order=50)
