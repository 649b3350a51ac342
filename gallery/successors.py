"""Which photo stands for one that is not shown by itself any more: what files tell of that goes to the one."""

from __future__ import annotations

from collections.abc import Iterable

from gallery.models import DuplicateGroup, DuplicateMember, File


def of(photo_ids: Iterable[int]) -> dict[int, int]:
    """By the ids of photos that have one: the main photo of a part, and of a duplicate in the trash the one that was
    kept. Two queries."""
    ids = list(photo_ids)
    parts = File.objects.filter(photo__in=ids, photo__imported_at__isnull=True, main__isnull=False).order_by()
    found = {part: main for part, main in parts.values_list("photo", "main") if main is not None}
    merged = DuplicateMember.objects.filter(
        photo__in=ids, photo__trashed_at__isnull=False, group__state=DuplicateGroup.State.MERGED
    ).order_by()
    for pk, undo in merged.values_list("photo", "group__undo"):
        if undo and pk in undo["gone"]:
            found[pk] = undo["kept"]
    return found
