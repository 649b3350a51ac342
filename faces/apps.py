"""The faces app: faces and people."""

from django.apps import AppConfig


class FacesConfig(AppConfig):
    name = "faces"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from faces import crops, marked, panels, sets
        from faces.analyzer import FacesAnalyzer
        from gallery import analysis, photo_panels, purging, told

        analysis.register(FacesAnalyzer())
        photo_panels.register("people", panels.people_panel, order=10, stylesheet="css/photo-people.css")
        purging.register(crops.forget)
        sets.register()
        told.register("people", told.Listener(take=marked.take))
