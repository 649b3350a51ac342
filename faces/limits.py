"""Numbers that decide about faces, whatever the model: pages read them and so does what compares faces. Pure.

What was measured to choose them: `clustering.quality` and `clustering.calibration`.
"""

from __future__ import annotations

import math

# Of two faces that are compared one at least has to be good; the other has to be fair (`vision.face_quality`).
CORE_QUALITY, JOIN_QUALITY = 0.45, 0.20

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
