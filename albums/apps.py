"""The albums app: albums."""

from django.apps import AppConfig


class AlbumsConfig(AppConfig):
    name = "albums"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from albums import destinations as places
        from albums import doctor, importing, panels, sets
        from albums import losses as own_losses
        from gallery import destinations, losses, photo_panels, photosets, told
        from gallery.doctor import registry

        destinations.register("album", places.ALBUMS)
        photosets.register("album", sets.resolve)
        photo_panels.register("albums", panels.albums_panel, order=50)
        told.register("albums", told.Listener(take=importing.note, settle=importing.place))
        registry.register(*doctor.CHECKS)
        losses.register("albums", own_losses.tell, order=10)
