"""Libraries, photos, their files, and what was done to them.

`Photo` is what people see; its identity is the content hash within its library. `File` is where bytes lie. `Receipt`
says what was done to a photo, so progress, retry and history all read the same rows. Rules that must never break are
constraints of the database.
"""

from gallery.boxes import Box
from gallery.models.analysis import AnalyzerVersion, Condition, Detection, Label, Receipt, Region, Rendition, SearchText
from gallery.models.checkup import Checkup
from gallery.models.library import Library, Scan
from gallery.models.people import (
    Change,
    ChangedPhoto,
    DuplicateGroup,
    DuplicateMember,
    DuplicateSearch,
    Mark,
    Upload,
)
from gallery.models.photo import UNDATED, File, Photo
from gallery.models.review import Candidate, Review
from gallery.models.work import WorkItem, WorkState

__all__ = [
    "UNDATED",
    "AnalyzerVersion",
    "Box",
    "Candidate",
    "Change",
    "ChangedPhoto",
    "Checkup",
    "Condition",
    "Detection",
    "DuplicateGroup",
    "DuplicateMember",
    "DuplicateSearch",
    "File",
    "Label",
    "Library",
    "Mark",
    "Photo",
    "Receipt",
    "Region",
    "Rendition",
    "Review",
    "Scan",
    "SearchText",
    "Upload",
    "WorkItem",
    "WorkState",
]
