"""What a person should know of a scan, in sentences."""

from __future__ import annotations

from gallery import paths
from gallery.scan import IGNORE_FILE
from gallery.walk import Walk

# More folders than a person reads through.
_NOTED = 50


def notes(found: Walk, away: dict[str, int], left_out: int, moving: int) -> str:
    """What a person should know of a scan, a sentence a line. `away`: drives, and how many files each has."""
    sentences = [
        f"The drive at “{paths.display(folder)}” is away: the folder is empty. {_files(count)} on it: nothing changes. "
        "If the drive will not come back, remove the empty folder."
        for folder, count in away.items()
    ]
    if left_out:
        sentences.append(
            f"Left out from now on, by the library's patterns or a {IGNORE_FILE} file: {_files(left_out)}. Their "
            "photos count as missing, and come back when that ends."
        )
    if moving:
        sentences.append(f"Just being written, and looked at again in a moment: {_files(moving)}.")
    if found.links:
        sentences.append(f"{found.links:,} links were not followed: PictoPy reads only what lies in the folder itself.")
    for folder in sorted(found.unreadable)[:_NOTED]:
        sentences.append(f"Could not be read: {paths.display(folder)}")
    if len(found.unreadable) > _NOTED:
        sentences.append(f"... and {len(found.unreadable) - _NOTED:,} more.")
    return "\n".join(sentences)


def _files(count: int) -> str:
    return "1 file" if count == 1 else f"{count:,} files"
