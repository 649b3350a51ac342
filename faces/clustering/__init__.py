"""Groups of faces that look alike. Pure numpy and scipy, no Django; usable from a REPL.

`dbscan` looks at all faces at once; `DynamicDBSCAN` keeps the same answer right while faces come and go;
`separate_same_photo` splits what cannot be one person, and `link_groups` puts together what is alike on the whole.
Order matters only where two choices are equally good: then the lower id or row wins, so callers pass faces in the order
of their ids and get the same answer every time.
"""

from faces.clustering.batch import Clusters, dbscan
from faces.clustering.dynamic import Changes, DynamicDBSCAN, Event
from faces.clustering.linkage import link_groups
from faces.clustering.one_a_photo import separate_same_photo
from faces.clustering.pairs import NOISE, Embeddings, Mask, Rows, exact_similarity, in_order, usable

__all__ = [
    "NOISE",
    "Changes",
    "Clusters",
    "DynamicDBSCAN",
    "Embeddings",
    "Event",
    "Mask",
    "Rows",
    "dbscan",
    "exact_similarity",
    "in_order",
    "link_groups",
    "separate_same_photo",
    "usable",
]
