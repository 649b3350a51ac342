"""How alike strangers are in one library, and the distances that follow from it.

Two faces in one photo are two people, so every group picture measures what no catalog can know: how near two strangers
come with this camera, this light and this household. Speaker verification calls that score normalisation by impostors
(R. Auckenthaler, M. Carey, H. Lloyd-Thomas, 2000); here the impostors come for nothing. A distance is then the one
within which a stated part of all pairs of strangers lies (`EPS_RATE` and its sisters).

Such a part is far smaller than any library could count, so it is read off a normal distribution that is fitted to the
bulk. Measured with mobilefacenet:

- all 9.5 million pairs of strangers of LFW: mean 0.986, deviation 0.103. The fit is close, and a little too far out:
  it has one pair of 1,000 within 0.667 (counted: 0.656), of a million within 0.496 (0.486);
- strangers who are in one photo of LFW, good faces, 431 pairs: mean 0.964, deviation 0.111. People who are photographed
  together are more alike than people of the world at large, and that is who a library has to tell apart. The rates
  below are set on these: they give eps 0.40, link 0.57, match 0.49, the best for LFW (B-cubed F 0.981);
- the travel and group photos, 26 pairs: 0.930 and 0.104, too few to say more than that they are no exception;
- faces made smaller come nearer to each other, and the distances that keep the precision of pairs follow: from the
  large ones by 0.02 with faces of 36 pixels (mean 0.967), by 0.07 with 28 pixels (0.930), where those of the large ones
  would have a precision of 0.92.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import NDArray

from faces.clustering.batch import dbscan
from faces.clustering.one_a_photo import separate_same_photo
from faces.clustering.pairs import NOISE, Embeddings, Rows, exact_similarity, usable
from gallery.vision.catalog import ModelSpec, ModelUnavailable

# Pairs of strangers that may lie within each distance: 0.2 of a million within eps, where a chain of links multiplies
# every mistake (so many were counted on LFW: 0.2 within 0.40); 10 of a million within the distance at which a face is
# matched; 200 of a million within that of whole groups, which is a mean over many pairs: it is not low by chance.
EPS_RATE, MATCH_RATE, LINK_RATE = 2e-7, 1e-5, 2e-4

# A crowd counts as ten pairs, and two people who are in every photo together as three: what differs between libraries
# is who the people are. Drawn from LFW's people with many portraits, eps read off the pairs of six people has a
# standard error of 0.06, however many photos they are in, of ten 0.04, of twenty 0.02: as much as about three
# independent pairs of strangers for each two people.
PAIRS_PER_PHOTO, PAIRS_PER_COUPLE = 10, 3
# Pairs that are looked at, taken evenly from all; their faces are grouped roughly to know couples (0.3 s).
MOST_PAIRS = 5000
# With fewer the catalog stands. n pairs have a standard error of eps of 0.43 / sqrt(n); the catalog's own, for a
# library that nobody has seen, is taken to be 0.04, which is what 100 pairs are worth. Both are weighed by that.
LEAST_PAIRS, CATALOG_PAIRS = 100, 100
# Pairs nearer than so many deviations below the mean are no strangers: mirrors, collages, pictures on the wall.
CLIP = 3.0
_STEP = 0.01
_QUANTILES = (0.001, 0.01, 0.05, 0.25, 0.5)


@dataclass(frozen=True, slots=True)
class Calibration:
    """Distances for a library, multiples of 0.01, and what they were read off.

    `pairs` of strangers were counted in `photos`; `mean` and `deviation` are those of the fit, `quantiles` those of the
    pairs as they are: which part of them lies within which cosine distance. Without `is_measured` there were too few,
    the distances are those of the catalog, and `mean` and `deviation` are 0.
    """

    eps: float
    link_distance: float
    match_distance: float
    is_measured: bool
    pairs: int
    photos: int
    mean: float = 0.0
    deviation: float = 0.0
    quantiles: tuple[tuple[float, float], ...] = ()

    def as_json(self) -> dict[str, Any]:
        """What `Clustering.calibration` keeps: the fields by name, `quantiles` as a list of pairs."""
        return asdict(self) | {"quantiles": [list(pair) for pair in self.quantiles]}


def calibrate(embeddings: Embeddings, photo_ids: Rows, *, spec: ModelSpec) -> Calibration:
    """The distances of a library for the model `spec`, within the ranges of its row of the catalog.

    `embeddings` float32 (n, d) of L2 length 1 and `photo_ids` int64 (n,) of faces that are good enough to start a group
    (`quality.CORE`), in the order of their ids; rows that are not embeddings are left out. The answer depends on the
    rows alone. 100,000 faces take less than a second, and no more memory than the embeddings once again.

    Robust against what breaks the rule that two faces in one photo are two people: a face that appears bit by bit again
    counts once, no photo and no couple counts often, and what is far nearer than strangers are is cut off, with the fit
    allowing for the cut. Raises ModelUnavailable for a model without distances.
    """
    if spec.eps is None or spec.min_samples is None or spec.link_distance is None or spec.match_distance is None:
        raise ModelUnavailable(f"{spec.key} has no distances in the catalog: its faces cannot be compared.")
    rows = _different(embeddings)
    one, other = _in_one_photo(photo_ids[rows])
    one, other = rows[one], rows[other]
    if len(one) > MOST_PAIRS:
        taken = np.linspace(0, len(one) - 1, MOST_PAIRS).astype(np.int64)
        one, other = one[taken], other[taken]
    if len(one):
        # The smallest radius that the catalog allows: people who run together would count as one couple.
        lowest = spec.eps_range[0] if spec.eps_range else spec.eps
        kept = _few_of_each_couple(one, other, embeddings, photo_ids, eps=lowest, min_samples=spec.min_samples)
        one, other = one[kept], other[kept]
    distances = 1.0 - exact_similarity(embeddings, one, other)
    photos = len(np.unique(photo_ids[one]))
    quantiles = tuple((part, round(float(np.quantile(distances, part)), 4)) for part in _QUANTILES if len(distances))
    if len(distances) < LEAST_PAIRS:
        return Calibration(
            eps=spec.eps,
            link_distance=spec.link_distance,
            match_distance=spec.match_distance,
            is_measured=False,
            pairs=len(distances),
            photos=photos,
            quantiles=quantiles,
        )
    mean, deviation = fit_strangers(distances)
    weight = len(distances) / (len(distances) + CATALOG_PAIRS)

    def within(rate: float, usual: float, allowed: tuple[float, float] | None) -> float:
        measured = mean + NormalDist().inv_cdf(rate) * deviation
        lowest, highest = allowed or (usual, usual)
        return min(max(_step_down(weight * measured + (1 - weight) * usual), lowest), highest)

    return Calibration(
        eps=within(EPS_RATE, spec.eps, spec.eps_range),
        link_distance=within(LINK_RATE, spec.link_distance, spec.link_range),
        match_distance=within(MATCH_RATE, spec.match_distance, spec.match_range),
        is_measured=True,
        pairs=len(distances),
        photos=photos,
        mean=round(mean, 4),
        deviation=round(deviation, 4),
        quantiles=quantiles,
    )


def fit_strangers(distances: NDArray[np.float64]) -> tuple[float, float]:
    """Mean and standard deviation of the normal distribution of the strangers among float64 (n,) distances, n > 0.

    Begins with median and quartiles, cuts off what lies more than `CLIP` deviations below the mean, and corrects for
    the cut (the moments of a normal distribution truncated on one side, A. C. Cohen 1950), until nothing changes. Up
    to one pair in ten may be of one person.
    """
    low, middle, high = np.quantile(distances, (0.25, 0.5, 0.75))
    mean, deviation = float(middle), float(high - low) / 1.349
    normal = NormalDist()
    hazard = normal.pdf(CLIP) / normal.cdf(CLIP)
    for _ in range(50):
        kept = distances[distances >= mean - CLIP * deviation]
        spread = float(kept.std()) / math.sqrt(1 - CLIP * hazard - hazard**2)
        centre = float(kept.mean()) - spread * hazard
        if abs(centre - mean) < 1e-6 and abs(spread - deviation) < 1e-6:
            break
        mean, deviation = centre, spread
    return mean, deviation


def _step_down(distance: float) -> float:
    """The multiple of 0.01 that is not above it: never more mistakes than the rate says."""
    return round(math.floor(distance / _STEP + 1e-6) * _STEP, 2)


def _different(embeddings: Embeddings) -> Rows:
    """Rows that are embeddings, the first of each that are the same bit by bit."""
    rows = np.flatnonzero(usable(embeddings))
    seen: dict[bytes, int] = {}
    for row in rows.tolist():
        seen.setdefault(embeddings[row].tobytes(), row)
    return np.array(list(seen.values()), dtype=np.int64)


def _in_one_photo(photo_ids: Rows) -> tuple[Rows, Rows]:
    """Pairs of rows of one photo: each face with the next one and the last with the first, at most PAIRS_PER_PHOTO."""
    order = np.argsort(photo_ids, kind="stable")
    _, start, count = np.unique(photo_ids[order], return_index=True, return_counts=True)
    sizes = np.where(count == 2, 1, np.where(count > 2, np.minimum(count, PAIRS_PER_PHOTO), 0))
    place = np.arange(sizes.sum()) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    start, count = np.repeat(start, sizes), np.repeat(count, sizes)
    return order[start + place], order[start + (place + 1) % np.maximum(count, 1)]


def _few_of_each_couple(
    one: Rows, other: Rows, embeddings: Embeddings, photo_ids: Rows, *, eps: float, min_samples: int
) -> Rows:
    """Which of the pairs to keep: the first PAIRS_PER_COUPLE of every two groups. Positions, ascending."""
    rows, places = np.unique(np.concatenate([one, other]), return_inverse=True)
    points, photos = embeddings[rows], photo_ids[rows]
    groups = dbscan(points, eps=eps, min_samples=min_samples).labels
    groups = separate_same_photo(groups, points, photos, min_samples=min_samples)
    # A face that is like no other is a person of its own.
    alone = np.flatnonzero(groups == NOISE)
    groups[alone] = groups.max(initial=NOISE) + 1 + np.arange(len(alone))
    left, right = groups[places].reshape(2, -1)
    couple = np.minimum(left, right) * (groups.max() + 1) + np.maximum(left, right)
    order = np.argsort(couple, kind="stable")
    _, first, count = np.unique(couple[order], return_index=True, return_counts=True)
    rank = np.arange(len(order)) - np.repeat(first, count)
    return np.sort(order[rank < PAIRS_PER_COUPLE])
