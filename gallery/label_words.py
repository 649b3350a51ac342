"""What people call the things of labels: plurals, and plain words where those of the 80 COCO labels differ.

Only words that mean the same: no "woman" for `person` or "puppy" for `dog`, since nobody knows that of a photo.
"""

from __future__ import annotations

from collections.abc import Iterable

_OTHER_WORDS = {
    "airplane": ("plane", "aeroplane", "aircraft"),
    "bicycle": ("bike",),
    "cell phone": ("cellphone", "mobile phone", "mobile", "phone", "smartphone"),
    "couch": ("sofa", "settee"),
    "dining table": ("table",),
    "donut": ("doughnut",),
    "fire hydrant": ("hydrant",),
    "hair drier": ("hair dryer", "hairdryer"),
    "motorcycle": ("motorbike",),
    "oven": ("cooker",),
    "person": ("human",),
    "potted plant": ("plant", "houseplant"),
    "refrigerator": ("fridge",),
    "remote": ("remote control",),
    "skis": ("ski",),
    "sports ball": ("ball",),
    "teddy bear": ("teddy",),
    "tv": ("television", "telly"),
}
_PLURALS = {
    "aircraft": "aircraft",
    "knife": "knives",
    "mouse": "mice",
    "person": "people",
    "scissors": "scissors",
    "sheep": "sheep",
    "skis": "skis",
}


def spellings(labels: Iterable[str]) -> dict[str, str]:
    """Each word for one of `labels`, with that label. A label's own name is never another one's word."""
    known = list(labels)
    words = {name: name for name in known} | {plural(name): name for name in known if plural(name) not in known}
    for name in known:
        for word in _OTHER_WORDS.get(name, ()):
            words.setdefault(word, name)
            words.setdefault(plural(word), name)
    return words


def plural(word: str) -> str:
    """The plural of an English noun; of several words, the last is changed."""
    *first, last = word.split(" ")
    if last in _PLURALS:
        many = _PLURALS[last]
    elif last.endswith(("s", "x", "ch", "sh")):
        many = f"{last}es"
    else:
        many = f"{last}s"
    return " ".join([*first, many])
