"""Whether the machine gives what PictoPy needs: a sound database, room on the disk, the models' weights."""

from __future__ import annotations

import sqlite3
from typing import Any

from django.conf import settings
from django.db import DatabaseError, connection

from gallery import thumbnails
from gallery.doctor.registry import Check, Finding, Look
from gallery.vision import catalog

# Room for the database to grow and for some thousand thumbnails.
MIN_FREE_BYTES = 1_000_000_000


def find_database_trouble(look: Look) -> Finding:
    finding = Finding()
    try:
        with connection.cursor() as cursor:
            troubles = sqlite_troubles(cursor) if connection.vendor == "sqlite" else _server_troubles(cursor)
    except DatabaseError as error:
        troubles = [str(error)]
    for trouble in troubles:
        finding.add(trouble)
    return finding


def sqlite_troubles(cursor: Any) -> list[str]:
    """What `PRAGMA quick_check` says but "ok"; a cursor of the DB API. Reads the whole file: a second for 200 MB."""
    try:
        cursor.execute("PRAGMA quick_check(20)")
        return [row[0] for row in cursor.fetchall() if row[0] != "ok"]
    except (DatabaseError, sqlite3.DatabaseError) as error:  # damaged where the check itself reads
        return [str(error)]


def _server_troubles(cursor: Any) -> list[str]:
    """Whether the server answers, and would keep what is written."""
    cursor.execute("SELECT pg_is_in_recovery(), current_setting('fsync')")
    is_standby, fsync = cursor.fetchone()
    troubles = []
    if is_standby:
        troubles.append("The server is a standby and takes no changes.")
    if fsync != "on":
        troubles.append("The server runs with fsync off: a power cut may destroy the database.")
    return troubles


def find_full_disk(look: Look) -> Finding:
    finding = Finding()
    try:
        free = thumbnails.free_bytes()
    except OSError as error:
        finding.add(f"The data directory cannot be read: {error.strerror}.")
        return finding
    if free < MIN_FREE_BYTES:
        finding.add(f"{free / 1e6:,.0f} MB are free on the disk that holds PictoPy's data.")
    return finding


def find_weights_trouble(look: Look) -> Finding:
    """Damaged files of any model, and roles of the pack for which there is no model at all."""
    finding = Finding()
    folder = settings.PICTOPY.models_dir
    specs = list(catalog.catalog().models.values())
    states = {}
    for number, spec in enumerate(specs, 1):
        states[spec.key] = catalog.weights_state(spec, folder)
        if states[spec.key] == "damaged":
            finding.add(f"{spec.file} is damaged, or another version than the catalog names")
        look.progress(number, len(specs))
    for role in dict.fromkeys(spec.role for spec in catalog.pack(settings.PICTOPY.model_pack)):
        if all(states[spec.key] != "ready" for spec in specs if spec.role == role):
            finding.add(f"There is no model for {role.replace('_', ' ')}")
    return finding


CHECKS = (
    Check(
        "database",
        "Trouble in the database",
        "The database cannot be read in full. What is damaged may be lost for good.",
        "Stop PictoPy and restore the last backup (README, Backup). Then have the disk looked at.",
        find_database_trouble,
        speed="slow",
        is_whole=True,
    ),
    Check(
        "disk-space",
        "Little room on the disk",
        "PictoPy stops reading photos before the disk is full, and goes on by itself when there is room.",
        "Make room on the disk, or move the data directory to a larger one (PICTOPY_DATA).",
        find_full_disk,
        is_whole=True,
    ),
    Check(
        "weights",
        "Models that are missing or damaged",
        "Without them PictoPy finds no things or faces in new photos. All else works.",
        "Delete files that are damaged, and run “make models” or “manage.py models fetch”.",
        find_weights_trouble,
        speed="slow",
        is_whole=True,
    ),
)
