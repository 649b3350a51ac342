"""The mean embeddings of all nodes, side by side: what is like a few of them is found by one product with these, which
are far fewer than faces."""

from __future__ import annotations

import numpy as np

from faces.clustering.constraints import NO_PAIRS
from faces.clustering.linkage import DOUBT, alike
from faces.clustering.pairs import NOISE, Embeddings, Mask, Rows, beside

# Of more nodes than this that are compared with all, each pair is worked out once, and not from both sides.
_FEW = 128


class Centres:
    """Of nodes, which are numbers from 0 up. Memory: one embedding for each node, and an eighth more."""

    def __init__(self) -> None:
        self._nodes: Rows = np.empty(0, dtype=np.int64)  # NOISE: a free place
        self._means: Embeddings = np.empty((0, 0), dtype=np.float32)

    def follow(self, nodes: Rows, intact: Mask) -> Rows:
        """Forgets all that are not `intact`, a bool for each number and for NOISE, which is not. Which of `nodes` are
        missing then."""
        self._nodes[~intact[self._nodes]] = NOISE
        is_known = np.zeros(len(intact), dtype=np.bool_)
        is_known[self._nodes] = True
        return nodes[~is_known[nodes]]

    def add(self, nodes: Rows, means: Embeddings) -> None:
        """Takes in nodes with their mean embeddings, float32 (k, d)."""
        if not len(nodes):
            return
        free = np.flatnonzero(self._nodes == NOISE)
        if len(free) < len(nodes):
            size = len(self._nodes)
            more = len(nodes) - len(free) + size // 8
            grown = np.zeros((size + more, means.shape[1]), dtype=np.float32)
            if size:
                grown[:size] = self._means
            self._means = grown
            self._nodes = np.concatenate([self._nodes, np.full(more, NOISE, dtype=np.int64)])
            free = np.concatenate([free, np.arange(size, size + more)])
        self._nodes[free[: len(nodes)]], self._means[free[: len(nodes)]] = nodes, means

    def alike(self, asked: Rows, lowest: float) -> Rows:
        """Pairs of nodes, one of them among `asked`, whose mean similarity may reach `lowest`, int64 (k, 2): a few fall
        short by a rounding, some are there in both orders."""
        if not len(asked):
            return NO_PAIRS
        there = np.flatnonzero(self._nodes != NOISE)
        place = np.empty(int(self._nodes.max()) + 1, dtype=np.int64)
        place[self._nodes[there]] = there
        if len(asked) > _FEW:
            is_asked = np.zeros(len(self._nodes), dtype=np.bool_)
            is_asked[place[asked]] = True
            order = np.concatenate([place[asked], there[~is_asked[there]]])
            one, other = alike(self._means[order], lowest, first=len(asked))
            return np.stack([self._nodes[order[one]], self._nodes[order[other]]], axis=1)
        near, number, _ = beside(self._means, self._means[place[asked]], lowest - self._means.shape[1] * DOUBT)
        one, other = asked[number], self._nodes[near]
        is_pair = (other != NOISE) & (one != other)
        return np.stack([one[is_pair], other[is_pair]], axis=1)
