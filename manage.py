#!/usr/bin/env python3
"""Runs the management commands of PictoPy."""

import os
import sys

if sys.version_info < (3, 11):  # noqa: UP036  (before anything that an older Python cannot even read)
    sys.exit("PictoPy needs Python 3.11 or newer; this is %d.%d." % sys.version_info[:2])  # noqa: UP031


def main() -> None:
    os.umask(0o077)  # what PictoPy writes is for the user it runs as; programs it starts inherit this
    from pictopy_site.env import InvalidSetting

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "pictopy_site.settings")
    try:
        from django.core.exceptions import ImproperlyConfigured
        from django.core.management import execute_from_command_line
    except ImportError:
        sys.exit("Django is not installed here. Use “make run”, or the Python in .venv/bin.")
    try:
        execute_from_command_line(sys.argv)
    except (InvalidSetting, ImproperlyConfigured) as error:
        sys.exit(f"PictoPy cannot start: {error}")


if __name__ == "__main__":
    main()
