"""What a face's quality allows it to do: start a group, only join one, or neither. Pure numpy.

How near two strangers come depends on the worse of their two faces. Measured on LFW as it is, made smaller and blurred
(mobilefacenet, `vision.face_quality`), pairs of strangers per million within 0.40, and within 0.50:

    quality        below 0.2          0.2 to 0.3         0.3 to 0.45     0.45 to 0.6     0.6 and more
    below 0.2      15,926   74,695     7,008   41,082     457   3,131     20     235      0      0
    0.2 to 0.3                         4,348   27,851     310   2,350      4     114      0      0
    0.3 to 0.45                                            17     211      2      22      0.6    1.9
    0.45 to 0.6                                                            0      23      0      1.3
    0.6 and more                                                                          0      2.2

So two bad faces say nothing of each other, and whatever is blurred looks like whatever else is; but a bad face and a
good one can be compared. Hence the rule: **of two faces that are compared, at least one has to be good.** Only good
faces are clustered; those that are a little worse join the group of the nearest good face; the rest is in no group.
Half of LFW made worse: everything clustered, precision of pairs 0.09; faces from 0.30 up 0.993 (0.14 with what quality
said before); from CORE up, the rest joining, 0.998, and none of the 283 faces that joined was at the wrong person.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from faces.clustering.pairs import NOISE, Embeddings, Mask, Rows, exact_similarity, near, usable

Qualities = NDArray[np.floating]

# From here on a face may be a core point of clustering, and be compared with any that may join.
CORE = 0.45
# From here on a face may join a group that is there, or be matched to a person by a good face of theirs. Of the faces
# of 0.20 to 0.45, 62 % have a good face of their person within 0.50; below 7 to 18 %.
JOIN = 0.20
# Join faces that are compared with all good ones at once.
_ROWS = 256
_NONE: Rows = np.empty((0, 2), dtype=np.int64)


def may_start(embeddings: Embeddings, quality: Qualities) -> Mask:
    """Which faces are clustered: bool (n,) for float32 (n, d) embeddings and float (n,) qualities."""
    return np.asarray(usable(embeddings) & (quality >= CORE))


def may_join(embeddings: Embeddings, quality: Qualities) -> Mask:
    """Which faces are good enough to join a group or to be matched, those that may start one included: bool (n,)."""
    return np.asarray(usable(embeddings) & (quality >= JOIN))


def attach(
    labels: Rows,
    embeddings: Embeddings,
    photo_ids: Rows,
    quality: Qualities,
    *,
    eps: float,
    never: Rows = _NONE,
    rows: Rows | None = None,
) -> Rows:
    """Labels int64 (n,) with the faces in them that may only join: each in the group of its nearest good face.

    `labels` int64 (n,), NOISE for a face in no group; `quality` float (n,). A face of JOIN to CORE that is in no group
    goes to that of the nearest grouped face of at least CORE within `eps`, equals by row, unless the group holds a face
    of its photo or one that it is never to be with (`never`, int64 (k, 2), pairs of rows): then to the next. Nearest
    pairs go first, so two faces of one photo never come into one group. The groups stay as they are otherwise.

    `rows` limits which faces are looked at; whether a face joins depends on the good faces and on its own photo, so the
    faces of whole photos can be done by themselves. Memory: O(n) and the pairs of 256 faces.
    """
    result = labels.copy()
    good = np.flatnonzero(may_start(embeddings, quality) & (labels != NOISE))
    joins = may_join(embeddings, quality) & (quality < CORE) & (labels == NOISE)
    waiting = np.flatnonzero(joins) if rows is None else np.sort(rows[joins[rows]])
    found = [_nearest_groups(waiting[top : top + _ROWS], good, labels, embeddings, eps) for top in _tops(waiting)]
    if not found:
        return result
    face, group, similarity = (np.concatenate(part) for part in zip(*found, strict=True))
    taken = set(zip(labels[labels != NOISE].tolist(), photo_ids[labels != NOISE].tolist(), strict=True))
    apart: dict[int, set[int]] = {}
    for one, other in never.tolist():
        apart.setdefault(one, set()).add(other)
        apart.setdefault(other, set()).add(one)
    for choice in np.lexsort((group, face, -similarity)).tolist():
        row, label = int(face[choice]), int(group[choice])
        place = (label, int(photo_ids[row]))
        if result[row] != NOISE or place in taken or any(result[other] == label for other in apart.get(row, ())):
            continue
        result[row] = label
        taken.add(place)
    return result


def _tops(waiting: Rows) -> range:
    return range(0, len(waiting), _ROWS)


def _nearest_groups(
    rows: Rows, good: Rows, labels: Rows, embeddings: Embeddings, eps: float
) -> tuple[Rows, Rows, NDArray[np.float64]]:
    """Each of `rows` with every group that has a good face within eps, and the similarity of the nearest such face."""
    one, other = near(embeddings, rows, 1.0 - eps, among=good)
    similarity = exact_similarity(embeddings, one, other)
    group = labels[other]
    order = np.lexsort((-similarity, group, one))
    one, group, similarity = one[order], group[order], similarity[order]
    first = np.ones(len(one), dtype=np.bool_)
    first[1:] = (one[1:] != one[:-1]) | (group[1:] != group[:-1])
    return one[first], group[first], similarity[first]
