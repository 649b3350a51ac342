"""Which person a face belongs to, judged by the faces that somebody confirmed. Pure numpy, no Django.

A face that nobody confirmed may be a person if one of that person's confirmed faces is near. `match` finds for every
such face the nearest people within `Rules.reach` and gives the faces away; `update` brings an earlier answer up to
date after anything changed and gives exactly what `match` would, at the cost of what changed. Both take all faces, as
`Faces`, and all decisions, as `Rules`; what happened in between is found by comparing them with what the answer saw.

    matching = match(faces, rules)
    matching = update(matching, faces_now, rules_now)
    matching.people            who each face is: confirmed, or given by likeness or by "always these two"
    matching.near_people       whose confirmed face is nearest within reach, given or not; with near_distances
    near_clusters(matching, clusters)      the same for groups of faces that are nobody's

    np.savez(file, **matching.arrays())    an answer is a few arrays, about 170 bytes a face; the embeddings stay the
    Matching.from_arrays(np.load(file))    caller's, who marks a new one by another `Faces.versions`

The rules:

- The nearest confirmed face within `match_distance` decides, never a majority. To the distance of two faces of which
  neither is seen well something is added first (`limits.added_distance`). Of a face's people the nearest `CHOICES` are
  considered; equals go by the lower id of the person, and between faces by the lower id of the face.
- A refused person is never chosen, nor one as whom the other face of a pair "never these two" is confirmed. Two faces
  of such a pair are not both given to one person.
- In one photo a person is given once, and not at all where a face is confirmed as them. The nearest face wins; the
  other may still be its second best: brothers who are both in the picture.
- "Always these two" holds for all that such pairs tie together: if their confirmed faces are one person, the others
  are that person whatever the distance, the quality and the photo, unless somebody ruled it out. If they are several
  people, or a pair "never these two" is among them, the pairs contradict one another and decide nothing.
- A face that only a file of a private library names (`Faces.quiet`) speaks for the faces of that library alone: a name
  that the house does not know must not come to it by likeness, not as a question either.
"""

from faces.matching.clusters import NearClusters, near_clusters
from faces.matching.state import CHOICES, NOBODY, Faces, Matching, Rules
from faces.matching.update import match, update

__all__ = ["CHOICES", "NOBODY", "Faces", "Matching", "NearClusters", "Rules", "match", "near_clusters", "update"]
