"""The project's own app: start-up checks, sign-in, and the `up` command."""

from django.apps import AppConfig


class SiteConfig(AppConfig):
    name = "pictopy_site"
    verbose_name = "PictoPy"

    def ready(self) -> None:
        from pictopy_site import checks  # noqa: F401  (registers the checks)
