"""The faces app: faces and people."""

from django.apps import AppConfig


class FacesConfig(AppConfig):
    name = "faces"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from faces import crops, doctor, marked, panels, people, sets
        from faces import losses as own_losses
        from faces.analyzer import FacesAnalyzer
        from faces.keeper import FaceKeeper
        from gallery import analysis, keepsakes, losses, photo_panels, purging, told
        from gallery.doctor import registry
        from gallery.duplicates import worth

        analysis.register(FacesAnalyzer())
        keepsakes.register(FaceKeeper())
        worth.register(people.worth)
        photo_panels.register("people", panels.people_panel, order=10, stylesheet="css/photo-people.css")
        purging.register(crops.forget)
        registry.register(*doctor.CHECKS)
        losses.register("faces", own_losses.tell, order=20)
        sets.register()
        told.register("people", told.Listener(take=marked.take))
