"""An upload that has arrived becomes a photo of its library.

Every step may be the last one before a sudden end. What was written down before it tells the next attempt how far it
came: the bytes on their way go only after the rows are committed, and the place is noted before it is taken. So nothing
is lost, and nothing is there twice.
"""

from __future__ import annotations

import datetime as dt
import os
from typing import BinaryIO

from django.db import IntegrityError, transaction
from django.utils import timezone

from gallery import destinations, filenames, joins, kept, metadata, pairing, paths, staging, walk, work
from gallery.models import File, Library, Photo, Upload, WorkState
from gallery.scan import Exclusion, Stat, is_picture
from gallery.vision import formats

# As much of a file as its kind is told from.
HEAD_BYTES = 65_536
# Some formats are only read whole; of files larger than this, for the sake of memory, only the beginning is looked at.
_WHOLE_BYTES = 24_000_000
_BEGINNING_BYTES = 1_000_000
_EARLIEST_OWN = dt.datetime(1990, 1, 1)
_EXTENSIONS = {"jpeg": ".jpg", "tiff": ".tif"}
UNDATED = "undated"


class Refused(Exception):  # noqa: N818
    """The file cannot be taken. The message is a sentence for the person whose file it is."""


def finish(upload: Upload) -> Upload:
    """Stores an upload whose bytes are all there; one that is finished, or not complete, is only read again.

    Raises staging.Busy while another request is at it, StorageAway, NoSpace. What is wrong with the file itself becomes
    the upload's outcome. Hashes the whole file, in constant memory, outside of any transaction.
    """
    upload = Upload.objects.select_related("library", "user").get(pk=upload.pk)
    if upload.outcome or not upload.is_complete:
        return upload
    name = upload.pk.hex
    with staging.opened(upload.library) as root:
        if upload.path and not staging.is_waiting(root, name):
            _resume(root, upload)
        else:
            with staging.locked(root, name) as handle:
                # Another request may have finished it before it was ours.
                upload.refresh_from_db()
                if not upload.outcome:
                    _store(root, upload, handle)
        staging.discard(root, name)
    return upload


def check_type(head: bytes) -> str:
    """The kind of file that begins so (`gallery.vision.formats`). Raises Refused, naming what else it seems to be."""
    try:
        return formats.recognise(head)
    except formats.UnreadableImage as error:
        raise Refused(str(error)) from None


def check_name(library: Library, path: str) -> None:
    """Raises Refused if scans of the library would pass by this path (stored spelling), and so take it for gone."""
    if walk.left_out(library.root_path, Exclusion.parse(library.exclude), [path]):
        name = paths.display(path.rpartition("/")[2])
        raise Refused(f"The library “{library.name}” leaves out files like “{name}”.")


def _store(root: int, upload: Upload, handle: BinaryIO) -> None:
    try:
        digest = _examine(upload, handle)
        if _settle(upload, digest):
            return
        _place(root, upload, handle)
    except Refused as refusal:
        _refuse(upload, str(refusal))
        return
    if not _record(upload, digest, Stat.of(os.fstat(handle.fileno()))):
        # Another upload of the same content was quicker: there shall be one file of it.
        staging.take_back(root, upload.pk.hex, _path(upload))
        _settle(upload, digest)


def _resume(root: int, upload: Upload) -> None:
    """An attempt ended suddenly after the file had left the folder of what is on its way: it lies at its place."""
    try:
        with staging.open_at(root, _path(upload)) as handle:
            digest, stat = staging.sha256(handle), Stat.of(os.fstat(handle.fileno()))
    except (FileNotFoundError, staging.ContentChanged):
        digest, stat = "", Stat(0, 0)
    if not digest or stat.size_bytes != upload.size_bytes or digest != (upload.digest or digest):
        _refuse(upload, "What had arrived is not in the library's folder any more. Please send the file again.")
        return
    if not _record(upload, digest, stat):
        _settle(upload, digest)  # the file stays: a scan makes it one more location of the photo


def _path(upload: Upload) -> str:
    return paths.to_path(upload.path)


def _examine(upload: Upload, handle: BinaryIO) -> str:
    """The digest of what arrived, once it is what was announced and a picture. Raises Refused."""
    size = os.fstat(handle.fileno()).st_size
    if size < upload.size_bytes:
        # Somebody tidied up in the folder; the browser is told to send the rest again.
        Upload.objects.filter(pk=upload.pk).update(received_bytes=size, changed_at=timezone.now())
        upload.received_bytes = size
        raise staging.Busy
    os.ftruncate(handle.fileno(), upload.size_bytes)
    digest = staging.sha256(handle)
    if upload.digest and digest != upload.digest:
        raise Refused("What arrived is not what was to be sent: the file changed meanwhile, or was damaged on the way.")
    handle.seek(0)
    check_type(handle.read(HEAD_BYTES))
    # A file whose own time nobody told gets one that no rule of dates believes, rather than that of its arrival.
    own_ns = round(upload.modified_at.timestamp() * 1e9) if upload.modified_at else 0
    os.utime(handle.fileno(), ns=(own_ns, own_ns))
    os.fsync(handle.fileno())
    return digest


def _place(root: int, upload: Upload, handle: BinaryIO) -> None:
    """Puts the file under a path that neither the disk nor the database has. Raises Refused."""
    if upload.path and staging.put(root, upload.pk.hex, _path(upload)):
        return
    handle.seek(0)
    kind = check_type(handle.read(HEAD_BYTES))
    name = upload.name if is_picture(upload.name) else upload.name + _EXTENSIONS.get(kind, f".{kind}")
    folder = _folder(upload, handle)
    number = 0
    while True:
        number += 1
        path = paths.to_text(f"{folder}/{filenames.numbered(name, number)}")
        check_name(upload.library, path)
        if File.objects.filter(library_id=upload.library_id, path=path).exists():
            continue
        upload.path = path
        upload.save(update_fields=["path", "changed_at"])
        if staging.put(root, upload.pk.hex, _path(upload)):
            return


def _folder(upload: Upload, handle: BinaryIO) -> str:
    """`YYYY/MM` by the photo's date, else by the file's own time, else the folder of undated ones."""
    taken = _said(upload, handle).taken_local or _own_time(upload.modified_at)
    return f"{taken:%Y/%m}" if taken else UNDATED


def _said(upload: Upload, handle: BinaryIO) -> metadata.Metadata:
    """What the file and its name say of themselves."""
    now = timezone.now().replace(tzinfo=None)
    handle.seek(0)
    head = handle.read(formats.HEAD_BYTES)
    handle.seek(0)
    try:
        if formats.kind_of(head) == "video":
            from gallery.vision import video

            return metadata.from_video_tags(video.probe(handle).tags, now=now, name=upload.name)
    except formats.UnreadableImage:  # the import will say so; its name may still hold a date
        return metadata.read(b"", now=now, name=upload.name)
    data = handle.read(_WHOLE_BYTES if upload.size_bytes <= _WHOLE_BYTES else _BEGINNING_BYTES)
    return metadata.read(data, now=now, name=upload.name)


def _own_time(moment: dt.datetime | None) -> dt.datetime | None:
    """The file's own time on the household's clocks, if it is a believable one."""
    if moment is None:
        return None
    own = timezone.localtime(moment).replace(tzinfo=None)
    return own if _EARLIEST_OWN <= own <= timezone.localtime().replace(tzinfo=None) + dt.timedelta(days=1) else None


def _settle(upload: Upload, digest: str) -> bool:
    """Ends the upload if the library has this content already, in the trash as well; says whether it does."""
    twin = Photo.objects.filter(library_id=upload.library_id, digest=digest, missing_since__isnull=True).first()
    if twin is None or twin.files.filter(path=upload.path).exists():
        return False  # or: an earlier attempt, or a scan after it, brought it in, and only the rest is to be done
    with transaction.atomic():
        _end(upload, Upload.Outcome.PRESENT, twin)
    return True


def _record(upload: Upload, digest: str, stat: Stat) -> bool:
    """Writes the rows of a file that lies at its place. False if another file of the library has the content by now."""
    try:
        with transaction.atomic():
            return _write(upload, digest, stat)
    except IntegrityError:  # a scan, or the upload of the same content, wrote its rows this very moment
        with transaction.atomic():
            return _write(upload, digest, stat)


def _write(upload: Upload, digest: str, stat: Stat) -> bool:
    rows = Photo.objects.select_for_update(of=("self",), no_key=True)
    photo = rows.filter(library_id=upload.library_id, digest=digest).first()
    file = File.objects.filter(library_id=upload.library_id, path=upload.path).first()
    if photo is not None and photo.missing_since is None and (file is None or file.photo_id != photo.pk):
        return False
    if photo is None and file is not None:
        photo = rows.filter(pk=file.photo_id, digest__isnull=True).first()  # a scan found it before we came here
    if photo is None:
        photo = Photo.objects.create(library_id=upload.library_id, digest=digest, size_bytes=stat.size_bytes)
    elif photo.digest is None or photo.missing_since is not None:
        File.objects.filter(photo=photo, missing_since__isnull=False).delete()
        photo.digest, photo.missing_since, photo.work_state, photo.attempts = digest, None, WorkState.READY, 0
        photo.lease_owner, photo.lease_until, photo.error = "", None, ""
        photo.save()
    File.objects.update_or_create(
        library_id=upload.library_id,
        path=upload.path,
        defaults={
            "photo": photo, "size_bytes": stat.size_bytes, "mtime_ns": stat.mtime_ns, "digest": digest,
            "missing_since": None, "stem": pairing.stem_of(upload.path),
        },
    )  # fmt: skip
    work.wake_analysis()
    _end(upload, Upload.Outcome.STORED, photo)
    return True


def _end(upload: Upload, outcome: Upload.Outcome, photo: Photo) -> None:
    """Notes what became of the upload, and puts its photo where else it was to go."""
    photo = joins.main_of(photo)  # the film of a live photo is shown with its still
    upload.outcome, upload.photo = outcome, photo
    upload.save(update_fields=["outcome", "photo", "changed_at"])
    if photo.trashed_at is None:
        destinations.put(upload.user, upload.album, photo.pk)
    kept.touch([upload.library_id])


def _refuse(upload: Upload, reason: str) -> None:
    upload.outcome, upload.error = Upload.Outcome.REFUSED, reason
    upload.save(update_fields=["outcome", "error", "changed_at"])
