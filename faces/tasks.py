"""What the queue runs for faces. It may come twice or not at all: the sweep asks again."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from django.db import DatabaseError

from faces import grouping
from faces.shadow import computing, drawn, switching
from gallery import work
from gallery.thumbnails import StorageFull

logger = logging.getLogger(__name__)


def regroup(clustering_id: int) -> None:
    """Groups the faces of one embedding model anew, if anything changed and nobody else is at it."""
    grouping.run(clustering_id)


def preview(preview_id: int) -> None:
    """Tries other distances, or another model, in the shadow, for a turn."""
    with _room():
        computing.run(preview_id)


def switch(preview_id: int) -> None:
    """Puts another model in place, or the former one again, as somebody asked."""
    with _room():
        switching.run(preview_id)


def embed_drawn() -> None:
    """Looks closely at faces that people drew, so that they are compared with all others."""
    with _room():
        drawn.embed()


@contextmanager
def _room() -> Iterator[None]:
    """What finds no room on the disk ends here: pages tell it, and the sweep asks again when there is some."""
    try:
        yield
    except StorageFull as error:
        logger.error("%s", error)
        with suppress(DatabaseError):
            work.note_condition("disk-full", str(error))
