"""The gallery app: find, read, show and search photos."""

from django.apps import AppConfig
from django.db.models.signals import post_migrate


class GalleryConfig(AppConfig):
    name = "gallery"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from gallery import analysis, keepsakes, sets, work
        from gallery.doctor import derivatives, disk, machine, registry, rows
        from gallery.objects_analyzer import ObjectsAnalyzer
        from gallery.photo_keeper import PhotoKeeper

        analysis.register(ObjectsAnalyzer())
        keepsakes.register(PhotoKeeper())
        sets.register()
        registry.register(*machine.CHECKS, *disk.CHECKS, *derivatives.CHECKS, *rows.CHECKS)
        post_migrate.connect(work.schedule_sweep, sender=self)
