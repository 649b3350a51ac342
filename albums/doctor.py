"""Whether albums agree with their photos."""

from __future__ import annotations

from django.db.models import Exists, OuterRef, QuerySet

from albums.models import Album, AlbumItem
from gallery.doctor.registry import Check, Finding, Look


def _strange_covers() -> QuerySet[Album]:
    inside = AlbumItem.objects.filter(album=OuterRef("pk"), photo=OuterRef("cover"))
    return Album.objects.filter(~Exists(inside), cover__isnull=False)


def find_covers(look: Look) -> Finding:
    finding = Finding()
    for (pk,) in _strange_covers().order_by("pk").values_list("pk")[:5]:
        finding.add(f"The cover of album {pk} is not in it")  # its name may be nobody's business but its owner's
    finding.count = _strange_covers().order_by().count()
    return finding


def fix_covers(look: Look) -> int:
    count = 0
    for portion in look.portions(_strange_covers()):
        count += _strange_covers().filter(pk__in=[pk for (pk,) in portion]).update(cover=None)
    return count


CHECKS = (
    Check(
        "album-covers",
        "Albums whose cover is not in them",
        "The photo was taken out of the album, or lies in another one.",
        "The first photo of the album is its cover again, until somebody chooses another.",
        find_covers,
        fix_covers,
        is_whole=True,
    ),
)
