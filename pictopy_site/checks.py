"""System checks: what is wrong with the surroundings, in sentences for the person who runs the server.

They are part of `manage.py check` and of every start.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.core import checks
from django.core.checks import CheckMessage, Error

from gallery.vision import catalog


@checks.register
def check_data_dir(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """The data directory, or the nearest folder above it that exists, must be writable."""
    data_dir: Path = settings.PICTOPY.data_dir
    nearest = data_dir
    while not nearest.exists() and nearest != nearest.parent:
        nearest = nearest.parent
    if not nearest.is_dir():
        return [_error("E001", f"{nearest} is not a folder, so PictoPy cannot keep its data in {data_dir}.")]
    if not os.access(nearest, os.W_OK | os.X_OK):
        return [
            _error(
                "E002",
                f"PictoPy cannot write to its data directory {data_dir}.",
                hint="Give it to the user that PictoPy runs as, or name another one with PICTOPY_DATA.",
            )
        ]
    return []


@checks.register
def check_roots(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """A missing root is no error: it may be a drive that is away."""
    return [
        checks.Warning(
            f"{root} is not there: PICTOPY_ROOTS names it as a place for photos.",
            hint="If it lies on a drive, the drive may be away.",
            id="pictopy.W001",
        )
        for root in settings.PICTOPY.roots
        if not root.is_dir()
    ]


@checks.register
def check_debug(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    if not settings.DEBUG:
        return []
    return [
        checks.Warning(
            "PICTOPY_DEBUG is on: error pages show settings and code to everybody who can reach this server.",
            hint="Use it only while you work on PictoPy itself.",
            id="pictopy.W002",
        )
    ]


@checks.register
def check_models(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """Names of models and packs must be in the catalog. Whether the files are there is for `models list`."""
    known, problems = catalog.catalog(), []
    if settings.PICTOPY.model_pack not in known.packs:
        problems.append(_unknown("PICTOPY_MODEL_PACK", settings.PICTOPY.model_pack, known.packs))
    chosen = {
        "PICTOPY_OBJECTS_MODEL": (settings.PICTOPY.objects_model, "objects"),
        "PICTOPY_FACE_DETECTOR": (settings.PICTOPY.face_detector, "face_detection"),
        "PICTOPY_FACE_EMBEDDER": (settings.PICTOPY.face_embedder, "face_embedding"),
    }
    for name, (key, role) in chosen.items():
        fitting = [model.key for model in known.models.values() if model.role == role]
        if key and key not in fitting:
            problems.append(_unknown(name, key, fitting))
    return problems


def _unknown(name: str, value: str, known: Any) -> CheckMessage:
    return _error("E003", f"{name} is {value!r}, which does not exist.", hint=f"There are: {', '.join(known)}.")


def _error(code: str, message: str, *, hint: str | None = None) -> CheckMessage:
    return Error(message, hint=hint, id=f"pictopy.{code}")
