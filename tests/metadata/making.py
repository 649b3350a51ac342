"""Pictures and sidecars with tags of every kind, made for the tests."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping

import exiv2
from PIL import Image

_NAMESPACES = {
    "dc": "http://purl.org/dc/elements/1.1/",
    "xmp": "http://ns.adobe.com/xap/1.0/",
    "exif": "http://ns.adobe.com/exif/1.0/",
    "tiff": "http://ns.adobe.com/tiff/1.0/",
    "photoshop": "http://ns.adobe.com/photoshop/1.0/",
    "lr": "http://ns.adobe.com/lightroom/1.0/",
    "digiKam": "http://www.digikam.org/ns/1.0/",
    "MicrosoftPhoto": "http://ns.microsoft.com/photo/1.0/",
    "MP": "http://ns.microsoft.com/photo/1.2/",
    "MPRI": "http://ns.microsoft.com/photo/1.2/t/RegionInfo#",
    "MPReg": "http://ns.microsoft.com/photo/1.2/t/Region#",
    "mwg-rs": "http://www.metadataworkinggroup.com/schemas/regions/",
    "stDim": "http://ns.adobe.com/xap/1.0/sType/Dimensions#",
    "stArea": "http://ns.adobe.com/xmp/sType/Area#",
    "GCamera": "http://ns.google.com/photos/1.0/camera/",
    "Container": "http://ns.google.com/photos/1.0/container/",
    "Item": "http://ns.google.com/photos/1.0/container/item/",
}


def xmp(content: str = "", *, attributes: str = "", before: str = "") -> bytes:
    """An XMP packet around the given properties; `before` stands in front of it."""
    namespaces = " ".join(f'xmlns:{prefix}="{address}"' for prefix, address in _NAMESPACES.items())
    return (
        f'{before}<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        f'<rdf:Description rdf:about="" {namespaces} {attributes}>{content}</rdf:Description></rdf:RDF></x:xmpmeta>'
    ).encode()


def bag(name: str, *words: str) -> str:
    """An XMP property that is a list of words."""
    return f"<{name}><rdf:Bag>{''.join(f'<rdf:li>{word}</rdf:li>' for word in words)}</rdf:Bag></{name}>"


def text(name: str, value: str) -> str:
    """An XMP property in the default language."""
    return f'<{name}><rdf:Alt><rdf:li xml:lang="x-default">{value}</rdf:li></rdf:Alt></{name}>'


def tagged(
    exif: Mapping[str, object] | None = None,
    *,
    iptc: Mapping[str, str | list[str]] | None = None,
    packet: bytes = b"",
    size: tuple[int, int] = (64, 48),
) -> bytes:
    """A JPEG with tags under exiv2's names, written by exiv2."""
    buffer = io.BytesIO()
    Image.new("RGB", size, (90, 120, 60)).save(buffer, "JPEG")
    image = exiv2.ImageFactory.open(buffer.getvalue())
    image.readMetadata()
    exif_data, iptc_data = exiv2.ExifData(), exiv2.IptcData()
    for key, value in (exif or {}).items():
        exif_data[key] = value
    for key, words in (iptc or {}).items():
        for word in words if isinstance(words, list) else [words]:
            datum = exiv2.Iptcdatum(exiv2.IptcKey(key))
            datum.setValue(word)
            iptc_data.add(datum)
    image.setExifData(exif_data)
    image.setIptcData(iptc_data)
    if packet:
        image.setXmpPacket(packet.decode())
        image.writeXmpFromPacket(False)
    image.writeMetadata()
    return bytes(image.data())


def takeout(**found: object) -> bytes:
    """The JSON of Google Takeout."""
    return json.dumps(found).encode()
