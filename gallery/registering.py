"""The rows that follow from what a scan found, written in short transactions; can be stopped and repeated at any point.

Nothing is taken away: a file that vanished keeps its row with `missing_since`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TypeVar

from django.db import transaction
from django.db.models import Exists, OuterRef
from django.utils import timezone

from gallery import search_text, work
from gallery.models import File, Library, Photo, Receipt, Scan, WorkState
from gallery.pairing import stem_of
from gallery.scan import Difference, Known, Stat

T = TypeVar("T")

CHUNK = 500


def apply(scan: Scan, difference: Difference, sidecars: Mapping[str, str], beat: Callable[[], None]) -> None:
    """Writes a difference, `CHUNK` files at a time. `sidecars`: by path, what lies beside a file (`File.sidecars`).

    Each transaction holds the scan's lease: once it was lost, the same files may be another scan's, or nobody's any
    more. Raises `work.LeaseLost`.
    """
    library = scan.library

    def write(items: Iterable[T], save: Callable[[list[T]], None], *, wakes: bool = False) -> None:
        for chunk in chunks(items):
            with transaction.atomic():
                work.renew(scan)
                save(chunk)
            if wakes:
                work.wake_analysis()
            beat()

    write(difference.moved, lambda moved: _move(moved, sidecars))
    write(difference.added.items(), lambda added: _add(library, added, sidecars), wakes=True)
    write(difference.changed, lambda changed: _change(changed, sidecars))
    write(difference.returned, lambda returned: _return(returned, sidecars))
    write(difference.described, _describe)
    write(difference.gone, _lose)
    if not difference.is_empty:
        work.wake_analysis()


def chunks(items: Iterable[T]) -> Iterator[list[T]]:
    """Lists of at most `CHUNK` items."""
    chunk: list[T] = []
    for item in items:
        chunk.append(item)
        if len(chunk) >= CHUNK:
            yield chunk
            chunk = []
    if chunk:
        yield chunk


def _add(library: Library, added: list[tuple[str, Stat]], sidecars: Mapping[str, str]) -> None:
    """New files, each with a photo that was not read yet. Paths that are known by now are left alone."""
    already = set(
        File.objects.filter(library=library, path__in=[path for path, _ in added]).values_list("path", flat=True)
    )
    new = [(path, stat) for path, stat in added if path not in already]
    photos = Photo.objects.bulk_create([Photo(library=library, size_bytes=stat.size_bytes) for _, stat in new])
    File.objects.bulk_create(
        File(
            library=library,
            photo=photo,
            path=path,
            size_bytes=stat.size_bytes,
            mtime_ns=stat.mtime_ns,
            sidecars=sidecars.get(path, ""),
            stem=stem_of(path),
        )
        for photo, (path, stat) in zip(photos, new, strict=True)
    )


def _change(changed: list[tuple[Known, Stat]], sidecars: Mapping[str, str]) -> None:
    """Files with new content: to be read again, and nothing is expected of those that were edited in place.

    But under the name of one that was gone for a scan there may be any other picture now, as cameras begin to count
    anew; and one that seemed to have moved, and was not read yet, may never have been what it seemed. They are taken
    for edited by nobody: if they do not hold what was there before, they are photos of their own.
    """
    stats = {known.id: stat for known, stat in changed}
    was_gone = {known.id for known, _ in changed if known.is_missing}
    files = _locked(stats)
    for file in files:
        file.size_bytes, file.mtime_ns = stats[file.id].size_bytes, stats[file.id].mtime_ns
        if file.is_read and file.id not in was_gone:
            file.digest = ""
    _read_again(files, sidecars)


def _move(moved: list[tuple[Known, str, Stat]], sidecars: Mapping[str, str]) -> None:
    """Files under a new path: to be read again, since only the content proves that they are the same."""
    places = {known.id: (path, stat) for known, path, stat in moved}
    files = _locked(places)
    for file in files:
        file.path, stat = places[file.id]
        file.stem = stem_of(file.path)
        file.size_bytes, file.mtime_ns = stat.size_bytes, stat.mtime_ns
    _read_again(files, sidecars)
    search_text.write(file.photo_id for file in files)


def _return(returned: list[Known], sidecars: Mapping[str, str]) -> None:
    """Files that are back, as they were by size and time; what they hold is looked at once more."""
    _read_again(_locked(known.id for known in returned), sidecars)


def read_as_changed(file_ids: Iterable[int]) -> None:
    """Has files read again that hold something else than was read, as if somebody had edited them in place."""
    with transaction.atomic():
        files = _locked(file_ids)
        for file in files:
            file.digest = ""
        _read_again(files, {file.path: file.sidecars for file in files})


def _describe(described: list[tuple[Known, str]]) -> None:
    """Files beside which something else lies now: what they are stays as it is, what is said of them is read anew."""
    sidecars = {known.id: text for known, text in described}
    files = [file for file in _locked(sidecars) if file.sidecars != sidecars[file.id]]
    for file in files:
        file.sidecars = sidecars[file.id]
    File.objects.bulk_update(files, ["sidecars"], batch_size=100)
    describe_again(file.photo_id for file in files)


def describe_again(photo_ids: Iterable[int]) -> None:
    """Queues photos for their metadata and nothing else. What a worker reads of them now may be outdated."""
    from gallery import describing  # not at the top: it reads files with a module that asks `scanning` about drives

    ids = set(photo_ids)
    if not ids:
        return
    Receipt.objects.filter(photo_id__in=ids, analyzer=describing.NAME).delete()
    _queue(ids)


def _queue(photo_ids: Iterable[int], **also: None) -> None:
    """One that a worker holds is taken from it: its result would be stale. `also`: further columns to be set."""
    Photo.objects.filter(id__in=set(photo_ids)).update(
        work_state=WorkState.READY, attempts=0, error="", lease_owner="", lease_until=None, **also
    )


def _locked(ids: Iterable[int]) -> list[File]:
    """Files that nobody else changes before the end of the transaction: first their photos are locked, then they, both
    by id, as a worker does that records what it read."""
    rows = File.objects.filter(id__in=list(ids))
    photo_ids = set(rows.order_by().values_list("photo_id", flat=True))
    list(Photo.objects.select_for_update(no_key=True).filter(id__in=photo_ids).order_by("id").values_list("id"))
    return list(rows.select_for_update(no_key=True).order_by("id"))


def _read_again(files: list[File], sidecars: Mapping[str, str]) -> None:
    """Saves the files as unread and queues their photos. What becomes of a file that holds something else than its
    photo, `recording` decides when it was read."""
    described = set()
    for file in files:
        file.missing_since, file.is_read = None, False
        beside = sidecars.get(file.path, "")
        if file.sidecars != beside:
            file.sidecars = beside
            described.add(file.photo_id)
    columns = ["path", "stem", "size_bytes", "mtime_ns", "missing_since", "digest", "is_read", "sidecars"]
    File.objects.bulk_update(files, columns, batch_size=100)
    _queue((file.photo_id for file in files), missing_since=None)
    if described:
        describe_again(described)


def _lose(gone: list[Known]) -> None:
    """Files that vanished: noted, and nothing else. A photo is missing when none of its files is left."""
    now = timezone.now()
    files = _locked(known.id for known in gone)
    affected = {file.photo_id for file in files}
    File.objects.filter(id__in=[file.id for file in files], missing_since__isnull=True).update(missing_since=now)
    present = File.objects.filter(photo=OuterRef("pk"), missing_since__isnull=True)
    lost = Photo.objects.filter(~Exists(present), id__in=affected, missing_since__isnull=True)
    # Never read and not there any more: there is nothing to show and nothing to keep.
    lost.filter(digest__isnull=True).delete()
    lost.update(missing_since=now, work_state=WorkState.DONE, error="", lease_owner="", lease_until=None)
    # What failed on a file that is gone may go well with another one.
    Photo.objects.filter(Exists(present), id__in=affected, work_state=WorkState.FAILED).update(
        work_state=WorkState.READY, attempts=0
    )


def note_stems(library: Library) -> None:
    """Gives files their stem that were known before there were stems."""
    rows = File.objects.filter(library=library, stem=0).only("id", "path").order_by("id")
    for chunk in chunks(rows.iterator(chunk_size=CHUNK)):
        for file in chunk:
            file.stem = stem_of(file.path)
        File.objects.bulk_update(chunk, ["stem"], batch_size=100)
