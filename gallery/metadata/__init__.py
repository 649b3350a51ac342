"""What a picture, and the files beside it, say about themselves: date, place, camera, words, faces. Pure: bytes in, a
frozen dataclass out. Damaged or absurd values are left out and never an error, because a photo with a broken date is
still a photo.

`tags` reads (exiv2, Pillow where it refuses), `dates` decides when, `places` where, `fields` what, `regions` who;
`takeout` and `sidecars` know the files beside a picture, `video` a film's container, `motion` the film in a photo.
"""

from __future__ import annotations

from gallery.metadata.clock import EARLIEST, parse_date, parse_offset
from gallery.metadata.dates import Confidence, OffsetSource, Precision, Source, Taken
from gallery.metadata.motion import Motion
from gallery.metadata.places import Place
from gallery.metadata.reading import Metadata, from_tags, from_video_tags, read
from gallery.metadata.regions import Region
from gallery.metadata.sidecars import Kind, Pairing, Sidecar, album_file, is_sidecar, kind_of, pair
from gallery.metadata.takeout import read_album_title

__all__ = [
    "EARLIEST", "Confidence", "Kind", "Metadata", "Motion", "OffsetSource", "Pairing", "Place", "Precision", "Region",
    "Sidecar", "Source", "Taken", "album_file", "from_tags", "from_video_tags", "is_sidecar", "kind_of", "pair",
    "parse_date", "parse_offset", "read", "read_album_title",
]  # fmt: skip
