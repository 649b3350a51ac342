"""What the queue runs for faces. It may come twice or not at all: the sweep asks again."""

from __future__ import annotations

from faces import grouping
from faces.shadow import computing, drawn


def regroup(clustering_id: int) -> None:
    """Groups the faces of one embedding model anew, if anything changed and nobody else is at it."""
    grouping.run(clustering_id)


def preview(preview_id: int) -> None:
    """Tries other distances, or another model, in the shadow, for a turn."""
    computing.run(preview_id)


def embed_drawn() -> None:
    """Looks closely at faces that people drew, so that they are compared with all others."""
    drawn.embed()
