"""How pairs that look alike become groups. Pure Python.

Complete linkage: all members of a group look alike, each with each. A slow pan, where every picture is like the next
and the first not like the last, becomes several groups and not one. So whichever member a person keeps, every other
that goes looks like it; with a group around one best member this would hold for that one alone.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Grown:
    """A group. `seed`: its place among the groups that were there before, None for a new one."""

    members: frozenset[int]
    seed: int | None


def grow(seeds: Iterable[Collection[int]], pairs: Iterable[tuple[int, int]]) -> list[Grown]:
    """The groups that `seeds` (disjoint, each a group already) become through `pairs`, those that come first joined
    first. Groups are never split, and two seeds never join. Groups of one are left out.

    Two groups are joined when every member of one is in a pair with every member of the other, or the two were in a
    seed together; pairs that only seeds could tell of need not be given. Afterwards no two groups could be joined.
    """
    groups: dict[int, set[int]] = {}
    seed_of: dict[int, int] = {}
    group_of: dict[int, int] = {}
    for place, members in enumerate(seeds):
        seed_of[place] = place
        groups[place] = set(members)
        group_of.update(dict.fromkeys(members, place))
    ordered = [tuple(pair) for pair in pairs]
    partners: dict[int, set[int]] = {}
    for one, other in ordered:
        for member in (one, other):
            if member not in group_of:
                group_of[member] = len(groups)
                groups[len(groups)] = {member}
        partners.setdefault(one, set()).add(other)
        partners.setdefault(other, set()).add(one)
    for one, other in ordered:
        first, second = group_of[one], group_of[other]
        if first == second or (first in seed_of and second in seed_of):
            continue
        if len(groups[first]) < len(groups[second]):
            first, second = second, first
        if all(groups[first] <= partners.get(member, set()) for member in groups[second]):
            groups[first] |= groups[second]
            group_of.update(dict.fromkeys(groups[second], first))
            groups[second] = set()
            if second in seed_of:
                seed_of[first] = seed_of.pop(second)
    return [Grown(frozenset(members), seed_of.get(key)) for key, members in groups.items() if len(members) > 1]


def components(pairs: Iterable[tuple[int, int]]) -> list[list[tuple[int, int]]]:
    """The pairs, apart where no way leads from one to the other, each part in the order given."""
    parent: dict[int, int] = {}

    def root(node: int) -> int:
        while parent.setdefault(node, node) != node:
            parent[node] = parent[parent[node]]
            node = parent[node]
        return node

    ordered = list(pairs)
    for one, other in ordered:
        first, second = sorted((root(one), root(other)))
        parent[second] = first
    parts: dict[int, list[tuple[int, int]]] = {}
    for pair in ordered:
        parts.setdefault(root(pair[0]), []).append(pair)
    return list(parts.values())
