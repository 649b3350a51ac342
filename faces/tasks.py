"""What the queue runs for faces. It may come twice or not at all: the sweep asks again."""

from __future__ import annotations

from faces import grouping


def regroup(clustering_id: int) -> None:
    """Groups the faces of one embedding model anew, if anything changed and nobody else is at it."""
    grouping.run(clustering_id)
