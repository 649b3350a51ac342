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

from faces.clustering.constraints import NO_PAIRS
from faces.clustering.joining import Joining
from faces.clustering.pairs import NOISE, Embeddings, Mask, Rows, usable
from faces.limits import CORE_QUALITY, JOIN_QUALITY

Qualities = NDArray[np.floating]

# From CORE on a face may be a core point of clustering, and be compared with any that may join. From JOIN on it may
# join a group that is there, or be matched to a person by a good face of theirs: of the faces of 0.20 to 0.45, 62 %
# have a good face of their person within 0.50; below 7 to 18 %.
CORE, JOIN = CORE_QUALITY, JOIN_QUALITY


def may_start(embeddings: Embeddings, quality: Qualities) -> Mask:
    """Which faces are clustered: bool (n,) for float32 (n, d) embeddings and float (n,) qualities."""
    return np.asarray(usable(embeddings) & (quality >= CORE))


def may_join(embeddings: Embeddings, quality: Qualities) -> Mask:
    """Which faces are good enough to join a group or to be matched, those that may start one included: bool (n,)."""
    return np.asarray(usable(embeddings) & (quality >= JOIN))


def attach(
    labels: Rows, embeddings: Embeddings, photo_ids: Rows, quality: Qualities, *, eps: float, never: Rows = NO_PAIRS
) -> Rows:
    """Labels int64 (n,) with the faces in them that may only join: `joining.Joining` from nothing.

    `labels` int64 (n,), NOISE for a face in no group; `quality` float (n,); `never`, int64 (k, 2), pairs of rows.
    """
    good = np.flatnonzero(may_start(embeddings, quality))
    fair = np.flatnonzero(may_join(embeddings, quality) & (quality < CORE) & (labels == NOISE))
    joining = Joining(embeddings.shape[1], eps=eps)
    joining.update(
        gone=good[:0],
        new_ids=fair,
        new=embeddings[fair],
        good=good,
        points=embeddings[good],
        lost=good[:0],
        came=np.ones(len(good), dtype=np.bool_),
    )
    result = labels.copy()
    result[fair] = joining.join(
        photo_ids[fair], good=good, labels=labels[good], good_photos=photo_ids[good], never=never
    )
    return result
