"""The albums app: albums."""

from django.apps import AppConfig


class AlbumsConfig(AppConfig):
    name = "albums"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from albums import destinations as places
        from albums import doctor, importing, panels, queries, sets
        from albums import losses as own_losses
        from albums.keeper import AlbumKeeper
        from gallery import destinations, keepsakes, losses, photo_panels, photosets, told
        from gallery.doctor import registry
        from gallery.duplicates import worth

        destinations.register("album", places.ALBUMS)
        keepsakes.register(AlbumKeeper())
        worth.register(queries.worth)
        photosets.register("album", sets.resolve)
        photo_panels.register("albums", panels.albums_panel, order=50)
        told.register("albums", told.Listener(take=importing.note, settle=importing.place))
        registry.register(*doctor.CHECKS)
        losses.register("albums", own_losses.tell, order=10)
