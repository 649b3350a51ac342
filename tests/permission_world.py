"""One of everything that addresses are about, and the people who ask for it."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from django.contrib.auth.models import User
from django.test import Client

from albums.models import Album
from faces import crops
from faces import services as people_services
from faces.models import Cluster, Clustering, Event, Face, Person, Preview
from gallery import changes, renditions, thumbnails
from gallery.duplicates import deciding
from gallery.models import Change, DuplicateGroup, File, Library, Photo, Upload, WorkState
from tests.duplicates.rows import group_of
from tests.factories import (
    AlbumFactory,
    AlbumItemFactory,
    ClusterFactory,
    DetectionFactory,
    FaceFactory,
    LabelFactory,
    LibraryFactory,
    PersonFactory,
    PhotoFactory,
    jpeg_bytes,
)
from tests.upload_client import upload_library

Role = Literal["anonymous", "member", "owner", "admin"]
ROLES: tuple[Role, ...] = ("anonymous", "member", "owner", "admin")
NOBODY = 987_654_321
DIGEST = hashlib.sha256(b"the picture").hexdigest()


@dataclass(slots=True)
class World:
    """One of everything. The library belongs to `owner`, and so do the album and the entry in the journal."""

    owner: User
    member: User
    admin: User
    library: Library
    photo: Photo
    failed: Photo
    person: Person
    cluster: Cluster
    face: Face
    unnamed: Face
    event: Event
    album: Album
    deleted_album: Album
    uploads: Library
    upload: Upload
    trashed: Photo
    change: Change
    twins: DuplicateGroup
    decided: DuplicateGroup
    film: Photo
    other: Person
    preview: Preview
    token: str = "x"
    clients: dict[Role, Client] = field(default_factory=dict)

    def crop(self) -> str:
        return crops.version(self.photo.digest or "", (self.face.x, self.face.y, self.face.w, self.face.h))


def preview_of(face: Face, person: Person) -> Preview:
    """One by which the person would gain the face."""
    Clustering.objects.create(model="mobilefacenet")
    change = {"gains": {str(face.photo.library_id): [face.pk]}, "losses": {}, "kept": {}}
    result = {"people": {str(person.pk): change}, "groups": [], "same_groups": {}}
    return Preview.objects.create(
        model="mobilefacenet", state="ready", result=result, finished_at=face.photo.imported_at
    )


def build(visibility: str, tmp_path: Path, owner: User, member: User, admin: User) -> World:
    """The world, with real files for the pictures that addresses serve."""
    root = tmp_path / "pictures"
    root.mkdir()
    data = jpeg_bytes(900, 600, seed=1)
    (root / "a.jpg").write_bytes(data)
    for size in ("small", "medium", "large"):
        thumbnails.write_file(thumbnails.path(DIGEST, size), data)
    library = LibraryFactory(name="Pictures", root=str(root), owner=owner, visibility=visibility)
    photo = PhotoFactory(
        library=library, digest=DIGEST, width=900, height=600, file="a.jpg", size_bytes=len(data), camera="Alpenglow X1"
    )
    failed = PhotoFactory(library=library, work_state=WorkState.FAILED, attempts=3, error="cut off")
    DetectionFactory(photo=photo, label=LabelFactory(name="dog"))
    person, cluster = PersonFactory(name="Ana"), ClusterFactory()
    face = FaceFactory(photo=photo, person=person, state="assigned")
    other = PersonFactory(name="Ute")
    FaceFactory(photo=photo, person=other, state="assigned", is_confirmed=True, x=0.7)
    unnamed = FaceFactory(photo=photo, cluster=cluster, x=0.1)
    FaceFactory(photo=PhotoFactory(library=library), cluster=cluster)
    event = people_services.rename_person(person, "Anna", owner)
    assert event is not None
    album = AlbumFactory(name="Summer", owner=owner, visibility=visibility)
    AlbumItemFactory(album=album, photo=photo)
    deleted = AlbumFactory(name="Old", owner=owner, visibility=visibility, deleted_at=photo.imported_at)
    change = changes.change_position(owner, [photo.pk], (48.1374, 11.5755)).change
    assert change is not None
    uploads = upload_library(tmp_path / "uploads", name="Phones", owner=owner, visibility=visibility)
    upload = Upload.objects.create(user=owner, library=uploads, name="b.jpg", size_bytes=10)
    trashed = PhotoFactory(library=uploads, trashed_at=photo.imported_at)
    twins = group_of(*(PhotoFactory(library=library) for _ in range(2)))
    decided = group_of(*(PhotoFactory(library=library) for _ in range(2)))
    deciding.keep_all(owner, decided)
    film = PhotoFactory(library=library, kind=Photo.Kind.VIDEO, mime="video/x-matroska")
    thumbnails.write_file(renditions.path(film.digest), b"a film")
    part = PhotoFactory(library=library, kind=Photo.Kind.VIDEO, mime="video/quicktime", file="a.mov")
    part.files.update(role=File.Role.MOTION, main=photo)
    Photo.objects.filter(pk=part.pk).update(imported_at=None)
    (root / "a.mov").write_bytes(b"what moves")
    world = World(
        owner, member, admin, library, photo, failed, person, cluster, face, unnamed, event, album, deleted, uploads,
        upload, trashed, change, twins, decided, film, other, preview_of(unnamed, person),
    )  # fmt: skip
    for role in ROLES:
        world.clients[role] = client = Client()
        if role != "anonymous":
            client.force_login(getattr(world, role), backend="django.contrib.auth.backends.ModelBackend")
    return world


# What a request writes about itself, whoever sends it.
_BOOKKEEPING = ("django_session", "auth_user", "axes_accesslog")
_WRITE = re.compile(r"(INSERT INTO|UPDATE|DELETE FROM) \"(\w+)\"")


def written(statements: Iterable[dict[str, str]]) -> list[str]:
    """The statements that write rows of anything but bookkeeping."""
    matches = ((_WRITE.search(query["sql"]), query["sql"]) for query in statements)
    return [sql for match, sql in matches if match and match[2] not in _BOOKKEEPING]
