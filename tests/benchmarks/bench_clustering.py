"""How fast is clustering, and how much memory does it take?  `python -m tests.benchmarks.bench_clustering`

Faces of 128 numbers: people as directions with noise, so that two shots of one person are 0.25 apart (0.1 to 0.4),
sizes as in a household (the tenth person has a tenth of the first one's faces), a fifth of the faces strangers; one to
five faces a photo. Every full run has a process of its own, which reports its time and its greatest memory. The bars:
100,000 faces under 60 s and 1 GB, a photo's 5 faces in under 100 ms and out under 200 ms (p95 of 200), with groups and
10,000 fair faces that join them. On a machine that is busy the processor time says more.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from faces import clustering
from gallery.vision import catalog

NUMBERS = 128
SPEC = catalog.model("mobilefacenet")
EPS, MIN_SAMPLES, LINK = SPEC.eps or 0.4, SPEC.min_samples or 2, SPEC.link_distance or 0.57
THREADS = 2
BARS = {"chain_s": 60.0, "chain_mb": 1024.0, "insert_ms": 100.0, "delete_ms": 200.0}
Floats = npt.NDArray[np.float32]
Numbers = npt.NDArray[np.int64]


def faces(count: int, seed: int = 0) -> tuple[Floats, Numbers, Numbers]:
    """Embeddings (n, 128), the photo of each, ascending, and whose they are (-1: nobody's)."""
    rng = np.random.default_rng(seed)
    people = max(10, count // 50)
    share = 1 / np.arange(1, people + 1)
    who = rng.choice(people, count, p=share / share.sum())
    photos = np.repeat(np.arange(count), rng.integers(1, 6, count))[:count]
    # Nobody is twice in a photo, but for one in a hundred: mirrors, collages and mistakes.
    _, first = np.unique(np.stack([photos, who], axis=1), axis=0, return_index=True)
    is_again = np.ones(count, dtype=np.bool_)
    is_again[first] = False
    who[(rng.random(count) < 0.2) | is_again & (rng.random(count) > 0.01)] = -1
    centres = _unit(rng.normal(size=(people, NUMBERS)))
    # |noise|^2 of 0.33 of the centre's makes 1 / 1.33 the similarity of two shots.
    amount = rng.uniform(0.3, 0.8, count)[:, None]
    points = np.where((who >= 0)[:, None], centres[who], 0) + amount * _unit(rng.normal(size=(count, NUMBERS)))
    return _unit(points).astype(np.float32), photos, who


def _unit(points: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    return np.asarray(points / np.linalg.norm(points, axis=1, keepdims=True))


# ---- One full run in a process of its own


def products(points: Floats, _photos: Numbers) -> Numbers:
    """Nothing but the products of all blocks, and one comparison: what no exact method without an index can save."""
    found = 0
    for top in range(0, len(points), 1024):
        for left in range(top, len(points), 1024):
            found += int(np.count_nonzero(points[top : top + 1024] @ points[left : left + 1024].T >= 1 - EPS))
    return np.array([found])


def plain(points: Floats, _photos: Numbers) -> Numbers:
    """DBSCAN alone; NOISE and border points as -1."""
    found = clustering.dbscan(points, eps=EPS, min_samples=MIN_SAMPLES)
    return np.where(found.core, found.labels, -1)


def chain(points: Floats, photos: Numbers) -> Numbers:
    """What a full build makes: DBSCAN, nobody twice in a photo, groups that are alike on the whole."""
    labels = clustering.dbscan(points, eps=EPS, min_samples=MIN_SAMPLES).labels
    labels = clustering.separate_same_photo(labels, points, photos, min_samples=MIN_SAMPLES)
    return clustering.link_groups(labels, points, photos, limit=LINK)


def sklearn(points: Floats, _photos: Numbers) -> Numbers:
    """scikit-learn's DBSCAN, metric cosine, brute force in one job; border points as -1."""
    from sklearn.cluster import DBSCAN

    found = DBSCAN(eps=EPS, min_samples=MIN_SAMPLES, metric="cosine", algorithm="brute", n_jobs=1).fit(points)
    labels = np.full(len(points), -1, dtype=np.int64)
    labels[found.core_sample_indices_] = found.labels_[found.core_sample_indices_]
    return labels


RUNS: dict[str, Callable[[Floats, Numbers], Numbers]] = {
    "products": products, "plain": plain, "chain": chain, "sklearn": sklearn,
}  # fmt: skip


def alone(name: str, count: int) -> dict[str, float | str]:
    """Seconds, MB at most and what the partition is (a digest), of one run in a process of its own."""
    command = [sys.executable, "-m", "tests.benchmarks.bench_clustering", "--run", name, "--faces", str(count)]
    threads = {f"{library}_NUM_THREADS": str(THREADS) for library in ("OPENBLAS", "OMP", "MKL")}
    answer = subprocess.run(command, env=os.environ | threads, capture_output=True, text=True, check=False)
    if answer.returncode:
        return {"failed": answer.stderr.strip().splitlines()[-1] if answer.stderr.strip() else "killed"}
    result: dict[str, float | str] = json.loads(answer.stdout)
    return result


def _run(name: str, count: int) -> None:
    points, photos, _ = faces(count)
    start, busy = time.perf_counter(), time.process_time()
    labels = RUNS[name](points, photos)
    seconds, worked = time.perf_counter() - start, time.process_time() - busy
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    partition = hashlib.sha256(clustering.in_order(labels).tobytes()).hexdigest()
    print(json.dumps({"seconds": seconds, "cpu_s": worked, "mb": peak_mb, "partition": partition}))


# ---- Faces that come and go


class Everything:
    """What the job keeps of faces: groups of the good ones, and a tenth as many fair ones that join them."""

    def __init__(self, points: Floats, photos: Numbers, seed: int = 2) -> None:
        rng = np.random.default_rng(seed)
        count = len(points)
        self.ids, self.photos = np.arange(count), photos
        like = rng.choice(count, count // 10, replace=False)
        fair = _unit(points[like] + 0.8 * _unit(rng.normal(size=(len(like), NUMBERS)))).astype(np.float32)
        self.fair_ids, self.fair_photos = 10 * count + np.arange(len(like)), np.sort(photos[like])
        self.groups = clustering.DynamicGroups(NUMBERS, eps=EPS, min_samples=MIN_SAMPLES, link_distance=LINK)
        self.joining = clustering.Joining(NUMBERS, eps=EPS)
        none = self.ids[:0]
        self._follow(none, clustering.NewFaces(self.ids, points), none, clustering.NewFaces(self.fair_ids, fair))

    def insert(self, new: clustering.NewFaces, photo: int) -> Callable[[], object]:
        """Faces that are all of one new photo; what is returned does it."""
        self.ids = np.append(self.ids, new.ids)
        self.photos = np.append(self.photos, np.full(len(new.ids), photo))
        none = self.ids[:0]
        return lambda: self._follow(none, new, none, clustering.NewFaces(none, new.embeddings[:0]))

    def delete(self, photo: int) -> Callable[[], object]:
        """All faces of a photo; what is returned does it."""
        goes, fair_goes = self.photos == photo, self.fair_photos == photo
        gone, fair_gone = self.ids[goes], self.fair_ids[fair_goes]
        self.ids, self.photos = self.ids[~goes], self.photos[~goes]
        self.fair_ids, self.fair_photos = self.fair_ids[~fair_goes], self.fair_photos[~fair_goes]
        nothing = clustering.NewFaces(gone[:0], np.empty((0, NUMBERS), dtype=np.float32))
        return lambda: self._follow(gone, nothing, fair_gone, nothing)

    def _follow(
        self, gone: Numbers, new: clustering.NewFaces, fair_gone: Numbers, fair_new: clustering.NewFaces
    ) -> Numbers:
        self.groups.update(gone=gone, new=new, ids=self.ids, photo_ids=self.photos)
        good, points = self.groups.by_row()
        self.joining.update(
            gone=fair_gone,
            new_ids=fair_new.ids,
            new=fair_new.embeddings,
            good=good,
            points=points,
            lost=gone,
            came=np.isin(good, new.ids),
        )
        labels = self.groups.labels(self.ids)
        return self.joining.join(self.fair_photos, good=self.ids, labels=labels, good_photos=self.photos)


def operations(count: int, rounds: int = 200) -> dict[str, list[tuple[float, float]]]:
    """Milliseconds of each of `rounds` insertions of a photo's 5 faces and deletions of a photo's faces, and of them
    those of the processor: clusters alone ("insert", "delete"), and groups with all that makes them, and with who joins
    them ("insert, groups", "delete, groups")."""
    points, photos, who = faces(count)
    dbscan = clustering.DynamicDBSCAN.build(np.arange(count), points, eps=EPS, min_samples=MIN_SAMPLES)
    kept = Everything(points, photos)
    rng = np.random.default_rng(1)
    # The faces of a photo that comes are of five people who are there, with a little noise.
    like = np.concatenate(
        [_of_five_people(rng.permutation(np.flatnonzero(who >= 0))[:200], who) for _ in range(rounds)]
    )
    more = _unit(points[like] + 0.4 * _unit(rng.normal(size=(5 * rounds, NUMBERS)))).astype(np.float32)
    leaving = rng.choice(np.unique(photos), rounds, replace=False)
    times: dict[str, list[tuple[float, float]]] = {}

    def timed(name: str, change: Callable[[], object]) -> None:
        start, busy = time.perf_counter(), time.process_time()
        change()
        taken = time.perf_counter() - start, time.process_time() - busy
        times.setdefault(name, []).append((taken[0] * 1000, taken[1] * 1000))

    for number in range(rounds):
        five = slice(5 * number, 5 * number + 5)
        new = clustering.NewFaces(count + np.arange(5 * rounds)[five], more[five])
        timed("insert", lambda new=new: dbscan.insert(new.ids, new.embeddings))  # type: ignore[misc]
        timed("insert, groups", kept.insert(new, count + number))
        gone = kept.ids[kept.photos == leaving[number]]
        timed("delete", lambda gone=gone: dbscan.delete(gone))  # type: ignore[misc]
        timed("delete, groups", kept.delete(leaving[number]))
    return {name: times[name] for name in sorted(times, reverse=True)}


def _of_five_people(rows: Numbers, who: Numbers) -> Numbers:
    """The first row of each of the first five people among `rows`."""
    _, first = np.unique(who[rows], return_index=True)
    return rows[np.sort(first)[:5]]


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--faces", type=int, default=100_000)
    parser.add_argument("--beside", type=int, default=50_000, help="faces of the comparison with scikit-learn")
    parser.add_argument("--run", choices=RUNS)
    chosen = parser.parse_args()
    if chosen.run:
        _run(chosen.run, chosen.faces)
        return
    for count, names in (
        (chosen.faces, ("products", "plain", "chain")),
        (chosen.beside, ("products", "plain", "sklearn")),
    ):
        print(f"{count:,} faces of {NUMBERS} numbers, {THREADS} threads")
        found = {name: alone(name, count) for name in names}
        bare = float(found["products"].get("seconds", 0))
        for name, row in found.items():
            if "failed" in row:
                print(f"  {name:9} failed: {row['failed']}")
                continue
            bar = f"   bar: {BARS['chain_s']:.0f} s, {BARS['chain_mb']:.0f} MB" if name == "chain" else ""
            print(
                f"  {name:9} {row['seconds']:7.1f} s  {row['cpu_s']:7.1f} s of processor  {row['mb']:7.0f} MB"
                f"  {float(row['seconds']) / bare:5.2f} times the bare products{bar}"
            )
        if "sklearn" in found:
            is_same = found["plain"].get("partition") == found["sklearn"].get("partition")
            print(f"  core points and their clusters are {'the same' if is_same else 'DIFFERENT'}")
    for name, times in operations(chosen.faces).items():
        (p50, busy_p50), (p95, busy_p95) = (
            [sorted(side)[round(len(side) * part) - 1] for side in zip(*times, strict=True)] for part in (0.5, 0.95)
        )
        limit = BARS[f"{name.partition(',')[0]}_ms"]
        what = name.replace("insert", "insert a photo's 5 faces").replace("delete", "delete a photo's faces")
        print(
            f"{what:34} p50 {p50:6.1f} ms   p95 {p95:6.1f} ms   bar: p95 {limit:.0f} ms"
            f"   of the processor: p50 {busy_p50:6.1f} ms   p95 {busy_p95:6.1f} ms"
        )


if __name__ == "__main__":
    main()
