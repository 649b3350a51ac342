"""Numbers that decide about faces, whatever the model: pages read them and so does what compares faces. Pure.

What was measured to choose them: `clustering.quality` and `clustering.calibration`.
"""

from __future__ import annotations

import math

# Of two faces that are compared one at least has to be good; the other has to be fair (`vision.face_quality`).
CORE_QUALITY, JOIN_QUALITY = 0.45, 0.20

# Two faces of which the better one is poor look alike whoever they are: of a million pairs of strangers on LFW, those
# in the background included, 6,280 are within 0.49 where the qualities are 0.25 and 0.50, 204 where they are 0.25 and
# 0.70, and 5 where one is beyond 0.75. So what is missing to this sum, which two faces of 0.61 reach, is added to the
# distance. With one of twenty strangers in the background named, 17 faces were taken for these instead of 113, and as
# many faces of people with good pictures were found as before (1,481 of 1,590).
ENOUGH, ADDED_EACH = 0.92, 0.9

# A face is compared with all confirmed faces of a person, so with twice as many it is near one of them by chance twice
# as often, and the tail doubles with 0.0125. Measured on LFW: with 90 % of the faces of 30 people confirmed (about 20
# each) 5.8 % of what is matched is wrong at the same distance for all and 0.8 % at this one, and 99.4 instead of 99.7 %
# are found; with five each nothing changes. Nobody's limit falls by more than 0.10 (1,280 faces): that is about eps.
_FEW_CONFIRMED, _TAIL_DOUBLES, _MOST_DOUBLINGS = 5, 0.0125, 8


def match_limit(match_distance: float, confirmed: int) -> float:
    """How near the nearest of a person's confirmed faces has to be, by how many they are.

    `match_distance` is for people of up to five; with many, chance offers more that is near.
    """
    doublings = min(math.log2(max(confirmed, _FEW_CONFIRMED) / _FEW_CONFIRMED), _MOST_DOUBLINGS)
    return match_distance - _TAIL_DOUBLES * doublings


def added_distance(quality: float, other: float) -> float:
    """What is added to the cosine distance of two faces of these qualities before it is held against a limit."""
    return ADDED_EACH * max(0.0, ENOUGH - (max(quality, other) + min(quality, other) / 2))
