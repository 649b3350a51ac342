"""Groups of faces that look alike. Pure numpy and scipy, no Django; usable from a REPL.

`dbscan` looks at all faces at once; `separate_same_photo` splits what cannot be one person, and `link_groups` puts
together what is alike on the whole. `DynamicDBSCAN` keeps the answer of the first, and `DynamicGroups` that of all
three, right while faces come and go.
Order matters only where two choices are equally good: then the lower id or row wins, so callers pass faces in the order
of their ids and get the same answer every time.
"""

from faces.clustering.batch import Clusters, dbscan
from faces.clustering.dynamic import Changes, DynamicDBSCAN, Event
from faces.clustering.groups import DynamicGroups, NewFaces
from faces.clustering.joining import Joining
from faces.clustering.linkage import link_groups
from faces.clustering.one_a_photo import separate_same_photo
from faces.clustering.pairs import NOISE, Embeddings, Mask, Rows, exact_similarity, in_order, usable

__all__ = [
    "NOISE",
    "Changes",
    "Clusters",
    "DynamicDBSCAN",
    "DynamicGroups",
    "Embeddings",
    "Event",
    "Joining",
    "Mask",
    "NewFaces",
    "Rows",
    "dbscan",
    "exact_similarity",
    "in_order",
    "link_groups",
    "separate_same_photo",
    "usable",
]
