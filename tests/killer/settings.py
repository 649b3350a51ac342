"""The project's settings with the killer on board."""

from pictopy_site.settings import *  # noqa: F403
from pictopy_site.settings import INSTALLED_APPS

INSTALLED_APPS = [*INSTALLED_APPS, "tests.killer"]
