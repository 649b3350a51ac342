"""Finding people by a picture of a face: what the page says, to whom, and that the picture is kept nowhere."""

from __future__ import annotations

import base64
import fcntl
import os
import tempfile
import time
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.core.cache import cache
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from faces import find, looking
from faces.models import Face, Person
from gallery import limits
from gallery.access import Viewer
from gallery.vision import catalog
from tests.conftest import MIRROR
from tests.faces.conftest import MODEL, House
from tests.factories import PersonFactory, PhotoFactory, jpeg_bytes

FIND = "/people/find/"
SAMPLES = Path(__file__).resolve().parents[2].parent / "shared" / "photos" / "friends" / "bbt"


@pytest.fixture(autouse=True)
def _no_turns_taken() -> None:
    cache.clear()


@pytest.fixture
def ready(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if the models were there."""
    monkeypatch.setattr(find, "waiting_for", lambda: "")


def send(client: Client, data: bytes = b"a picture", field: str = "picture") -> Any:
    return client.post(FIND, {field: SimpleUploadedFile("holiday.jpg", data, "image/jpeg")})


def said(*faces: list[list[float]], left_out: int = 0) -> dict[str, Any]:
    """What a child says of faces that are near to others: [face, person or 0, distance]."""
    crop = base64.b64encode(b"crop").decode()
    rows = [{"crop": crop, "quality": 0.8, "people": [it for it in near if it[1]], "near": near} for near in faces]
    return {"faces": rows, "left_out": left_out, "match_distance": 0.5}


def answering(monkeypatch: pytest.MonkeyPatch, answer: dict[str, Any]) -> list[bytes]:
    sent: list[bytes] = []

    def ask(viewer: Viewer, picture: bytes, has_gone: Any) -> dict[str, Any]:
        sent.append(picture)
        return answer

    monkeypatch.setattr(find, "ask", ask)
    return sent


@pytest.mark.usefixtures("ready")
def test_whom_a_face_is_like_is_told_in_words(
    member_client: Client, owner_client: Client, anna: Person, secret: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    nearest, near = anna.faces.filter(photo__library__visibility="household").order_by("pk")[:2]
    hidden = secret.faces.first()
    assert hidden
    far = [nearest.pk, anna.pk, 0.2], [hidden.pk, secret.pk, 0.3], [near.pk, anna.pk, 0.45]
    sent = answering(monkeypatch, said([*map(list, far)], []))
    html = send(member_client).content.decode()
    assert sent == [b"a picture"]
    assert "Is this Anna?" in html
    assert "very alike" in html
    assert "Nobody looks like this" in html, "the second face"
    assert f"/photos/{nearest.photo_id}/?in=person:{anna.pk}" in html
    assert 'src="data:image/jpeg;base64,' in html
    assert "Santa" not in html, "the child's word opens no door"
    assert str(hidden.photo_id) not in {part.partition("/")[0] for part in html.split("/photos/")}
    assert "Santa" in send(owner_client).content.decode()

    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            send(member_client)
        return len(captured)

    few = queries()
    answering(monkeypatch, said([*map(list, far)], [*map(list, far)], [*map(list, far)]))
    assert queries() == few


@pytest.mark.usefixtures("ready", "db")
@pytest.mark.parametrize(
    ("answer", "status", "text"),
    [
        (said(), 422, "No face was found in this picture."),
        (said([]), 200, "Nobody looks like this"),
        ({"error": "unreadable", "text": "This is not a picture PictoPy can read."}, 422, "This is not a picture"),
        ({"error": "not_set_up"}, 503, "Recognition is not set up yet"),
        ({"error": "failed", "kind": "MemoryError"}, 422, "could not look at this picture"),
    ],
)
def test_what_is_no_answer_says_why(
    member_client: Client, monkeypatch: pytest.MonkeyPatch, answer: dict[str, Any], status: int, text: str
) -> None:
    answering(monkeypatch, answer)
    response = send(member_client, field="taken")
    assert response.status_code == status
    assert text in response.content.decode()
    assert response.headers["Cache-Control"] == "private, no-store"


def test_without_models_the_page_says_so(member_client: Client) -> None:
    html = member_client.get(FIND).content.decode()
    assert "Recognition is not set up yet" in html
    assert "find-form" not in html


@pytest.mark.usefixtures("ready", "db")
def test_nothing_too_much_and_too_often_are_refused(member_client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    sent = answering(monkeypatch, said())
    monkeypatch.setattr(find, "MOST_A_MINUTE", 2)
    assert member_client.post(FIND).status_code == 422
    for size in (limits.FACE_PICTURE_BYTES + 1, limits.FACE_FORM_BYTES + 1):
        response = send(member_client, bytes(size))
        assert response.status_code == 413
        assert "at most 15 MB" in response.content.decode()
    assert not sent
    statuses = [send(member_client).status_code for _ in range(find.MOST_A_MINUTE + 1)]
    assert statuses == [422] * find.MOST_A_MINUTE + [429]


@pytest.mark.usefixtures("ready", "db")
def test_a_large_picture_stays_in_memory(member_client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: object, **kwargs: object) -> None:
        raise AssertionError("a file was made")

    monkeypatch.setattr(tempfile, "NamedTemporaryFile", refuse)
    sent = answering(monkeypatch, said())
    data = os.urandom(limits.FACE_PICTURE_BYTES)
    send(member_client, data)
    assert sent == [data]


@pytest.mark.usefixtures("ready", "db")
def test_one_picture_at_a_time(member_client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    answering(monkeypatch, said())
    descriptor = os.open(settings.PICTOPY.data_dir / "faces-find.lock", os.O_RDWR | os.O_CREAT)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    response = send(member_client)
    assert (response.status_code, response.headers["Retry-After"]) == (503, "5")
    os.close(descriptor)
    assert send(member_client).status_code == 422
    assert (settings.PICTOPY.data_dir / "faces-find.lock").read_bytes() == b""


# ---- The child


@pytest.mark.slow
@pytest.mark.parametrize(
    ("script", "answer"),
    [
        ("cat > /dev/null; echo '{\"faces\": 1}'", {"faces": 1}),
        ("wc -c", 3_000_000),
        ("sleep 0.1; wc -c", 3_000_000),
        ("exec 0<&-; sleep 0.1; echo 7", 7),
        ("kill -9 $$", {"error": "failed", "kind": "exit code -9"}),
        ("sleep 60", {"error": "failed", "kind": "it took too long"}),
    ],
)
def test_what_the_child_says_and_when_it_says_nothing(
    member: User, monkeypatch: pytest.MonkeyPatch, script: str, answer: Any
) -> None:
    monkeypatch.setattr(find, "command", lambda viewer: ["sh", "-c", script])
    monkeypatch.setattr(find, "TIMEOUT_S", 0.5)
    monkeypatch.setattr(find, "_TICK_S", 0.05)
    assert find.ask(member, bytes(3_000_000), lambda: False) == answer


def test_the_child_ends_when_nobody_waits_any_more(
    member: User, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(find, "command", lambda viewer: ["sh", "-c", f"echo $$ > {tmp_path}/pid; sleep 60; true"])
    began = time.monotonic()
    assert find.ask(member, b"x", lambda: (tmp_path / "pid").exists())["error"] == "failed"
    assert time.monotonic() - began < 5
    assert not Path(f"/proc/{(tmp_path / 'pid').read_text().strip()}").exists()


def test_while_the_picture_is_there_no_file_can_grow(tmp_path: Path) -> None:
    with (
        looking.nothing_written(),
        (tmp_path / "kept").open("wb", buffering=0) as file,
        pytest.raises(OSError, match="too large"),
    ):
        file.write(b"x")
    (tmp_path / "after").write_bytes(b"x")
    assert (tmp_path / "kept").read_bytes() == b""


@pytest.mark.weights
def test_a_picture_is_compared_with_the_faces_one_sees(house: House, member: User, owner: User) -> None:
    for spec in ("yunet", "mobilefacenet"):
        model = catalog.model(spec)
        model.path(settings.PICTOPY.models_dir).symlink_to(model.path(MIRROR))
    assert looking.look(member, lambda: b"Dear Anna, no picture is with this letter.")["error"] == "unreadable"
    assert looking.look(member, jpeg_bytes)["faces"] == []
    if not SAMPLES.is_dir():
        pytest.skip("the sample photos are not at hand: shared/photos/friends")
    one, two = sorted((SAMPLES / "amy").iterdir())[:2]
    (first,) = looking.look(member, one.read_bytes)["faces"]
    assert first["near"] == [], "nobody is known yet"
    assert base64.b64decode(first["crop"]).startswith(b"\xff\xd8")
    embedding = _embedding(two)
    amy = PersonFactory(name="Amy")
    shown = house.face(0, embedding=embedding, person=amy, state="assigned", model=MODEL)
    house.face(0, embedding=embedding, is_private=True)
    for fields in ({"state": Face.State.IGNORED}, {"model": "another"}, {"digest": "before"}):
        house.face(0, embedding=embedding, **fields)
    for broken in (bytes(512), b"\xff" * 512, b"short", None):
        house.face(0, embedding=broken, photo=PhotoFactory(library=house.library))
    house.face(0, embedding=embedding, person=PersonFactory(hidden=True), state="assigned")
    (asked,) = looking.look(member, one.read_bytes)["faces"]
    ((face, person, distance),) = asked["people"]
    assert (face, person) == (shown.pk, amy.pk)
    assert find.in_words(distance, 0.5) == "very alike"
    assert [row[0] for row in asked["near"]] == [shown.pk]
    (asked,) = looking.look(owner, one.read_bytes)["faces"]
    assert len(asked["near"]) == 2


def _embedding(file: Path) -> bytes:
    from faces.analyzer import FacesAnalyzer
    from gallery.vision import image

    analyzer = FacesAnalyzer()
    found = analyzer.run(image.decode(file.read_bytes()).pixels, version=analyzer.version() or "")
    return found.faces[0].embedding
