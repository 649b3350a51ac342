"""Clustering as a job: what changed among the faces of one embedding model is followed, and only that is written.

    rules      the distances that count: chosen by a person, measured in the library, or the catalog's
    snapshot   what the database says of the faces, without their embeddings
    state      groups as they were last made, kept in memory and in the data directory
    groups     groups by rules: from nothing (`compute`), or by following what changed (`follow`)
    matches    who each face is
    writing    the differences, in one short transaction
    job        all of it, under a lease

Reading and computing happen outside any transaction; writing checks again what people may have decided meanwhile. A
decision always wins: confirmed faces are never touched, new refusals are obeyed, and whatever else moved is picked up
by the next round. Only workers load this package.
"""

from faces.grouping.groups import Result, compute, compute_people
from faces.grouping.job import run
from faces.grouping.snapshot import Snapshot, read
from faces.rules import Rules, rules_for

__all__ = ["Result", "Rules", "Snapshot", "compute", "compute_people", "read", "rules_for", "run"]
