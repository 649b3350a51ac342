"""What the tests of films and of moving parts share: a film that browsers play, pages, and what comes in pieces."""

from __future__ import annotations

from typing import Any

from django.test import Client

from gallery.models import Photo, Rendition
from tests.vision.films import film

PLAIN = film(width=96, height=64, sound=None)


def body(response: Any) -> bytes:
    return b"".join(response.streaming_content)


def page(client: Client, photo: Photo) -> str:
    return client.get(photo.get_absolute_url()).content.decode()


def rendition() -> Rendition:
    return Rendition.objects.get()
