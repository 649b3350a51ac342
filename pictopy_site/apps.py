"""The project's own app: start-up checks, sign-in, and the `up` command."""

from django.apps import AppConfig
from django.contrib.admin.apps import SimpleAdminConfig


class SiteConfig(AppConfig):
    default = True
    name = "pictopy_site"
    verbose_name = "PictoPy"

    def ready(self) -> None:
        from pictopy_site import checks  # noqa: F401  (registers the checks)


class AdministrationConfig(SimpleAdminConfig):
    """Django's administration with the doors of PictoPy."""

    default_site = "pictopy_site.administration.Administration"

    def ready(self) -> None:
        from django.contrib.admin import autodiscover

        super().ready()
        autodiscover()
