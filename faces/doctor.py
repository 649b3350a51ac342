"""Whether faces agree with people, suggestions and the pictures that were cut out of photos."""

from __future__ import annotations

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, F, OuterRef, Q, QuerySet

from faces import revisions
from faces.deciding import merges, survivor_of
from faces.models import Cluster, Face, Person
from faces.shadow import spares
from gallery.doctor.derivatives import delete_orphans_in, find_orphans_in
from gallery.doctor.registry import Check, Finding, Look


def _homeless(look: Look) -> QuerySet[Face]:
    """Faces of people or suggestions that are gone: the database forbids it, but a restore may bring it."""
    nobody = Q(person__isnull=False) & ~Exists(Person.objects.filter(pk=OuterRef("person_id")))
    nowhere = Q(cluster__isnull=False) & ~Exists(Cluster.objects.filter(pk=OuterRef("cluster_id")))
    return look.within(Face.objects.filter(nobody | nowhere), "photo__library")


def find_homeless(look: Look) -> Finding:
    finding = Finding()
    for pk, library_id in _homeless(look).order_by("pk").values_list("pk", "photo__library")[:5]:
        finding.add(f"Face {pk} belongs to somebody, or to a suggestion, that is not there", library_id)
    finding.count = _homeless(look).order_by().count()
    return finding


def fix_homeless(look: Look) -> int:
    """They are nobody's again, and clustering looks at them anew. The decision about them went with the person."""
    people, clusters = Person.objects.values("pk"), Cluster.objects.values("pk")
    count = 0
    for portion in look.portions(_homeless(look)):
        ids = [pk for (pk,) in portion]
        with transaction.atomic():
            revisions.lock()
            faces = Face.objects.filter(pk__in=ids)
            models = set(faces.order_by().values_list("model", flat=True))
            faces.filter(cluster__isnull=False).exclude(cluster__in=clusters).update(cluster=None)
            faces.filter(person__isnull=False).exclude(person__in=people).update(
                person=None, state=Face.State.UNKNOWN, is_confirmed=False, decided_by=None
            )
            revisions.count_up(models, wake=True, faces=True)
        count += len(ids)
    return count


def _revenants(look: Look) -> QuerySet[Face]:
    """Faces of people who were found to be somebody else."""
    return look.within(Face.objects.filter(person__merged_into__isnull=False), "photo__library")


def find_revenants(look: Look) -> Finding:
    finding = Finding()
    for pk, library_id in _revenants(look).order_by("pk").values_list("pk", "photo__library")[:5]:
        finding.add(f"Face {pk} belongs to somebody who was found to be somebody else", library_id)
    finding.count = _revenants(look).order_by().count()
    return finding


def fix_revenants(look: Look) -> int:
    """They go where the other faces of that person went."""
    count = 0
    for portion in look.portions(_revenants(look)):
        with transaction.atomic():
            revisions.lock()
            went = merges()
            faces = Face.objects.filter(pk__in=[pk for (pk,) in portion], person__in=went)
            models = set(faces.order_by().values_list("model", flat=True))
            for person in sorted(set(faces.order_by().values_list("person", flat=True)) - {None}):
                faces.filter(person=person).update(person=survivor_of(person or 0, went))
            revisions.count_up(models, wake=True, faces=False)
        count += len(portion)
    return count


def _strange_covers() -> QuerySet[Person]:
    own = Face.objects.filter(pk=OuterRef("cover"), person=OuterRef("pk"))
    return Person.objects.filter(~Exists(own), cover__isnull=False)


def find_covers(look: Look) -> Finding:
    finding = Finding()
    for (pk,) in _strange_covers().order_by("pk").values_list("pk")[:5]:
        finding.add(f"The picture of person {pk} is not of them")
    finding.count = _strange_covers().order_by().count()
    return finding


def fix_covers(look: Look) -> int:
    return _strange_covers().order_by().update(cover=None)


def _miscounted() -> QuerySet[Cluster]:
    return Cluster.objects.annotate(true=revisions.true_size()).exclude(size=F("true"))


def find_sizes(look: Look) -> Finding:
    finding = Finding()
    for (pk,) in _miscounted().order_by("pk").values_list("pk")[:5]:
        finding.add(f"The faces of suggestion {pk} are counted wrong")
    finding.count = _miscounted().order_by().count()
    return finding


def fix_sizes(look: Look) -> int:
    count = 0
    for portion in look.portions(_miscounted()):
        revisions.count_sizes(Cluster.objects.filter(pk__in=[pk for (pk,) in portion]))
        count += len(portion)
    return count


def find_spares(look: Look) -> Finding:
    return Finding(count=spares.needless().count())


def fix_spares(look: Look) -> int:
    return spares.tidy()


def find_crops(look: Look) -> Finding:
    return find_orphans_in(look, settings.PICTOPY.data_dir / "face-crops")


def fix_crops(look: Look) -> int:
    return delete_orphans_in(look, settings.PICTOPY.data_dir / "face-crops")


CHECKS = (
    Check(
        "faces-homeless",
        "Faces of people who are not there",
        "The person or the suggestion that these faces belong to is gone, as after a restore of damaged data.",
        "The faces are nobody's again, and are compared with all others anew.",
        find_homeless,
        fix_homeless,
    ),
    Check(
        "faces-of-merged",
        "Faces of people who were found to be somebody else",
        "When two people are merged, all faces of the one become the other's. These were left behind.",
        "They become faces of that other person.",
        find_revenants,
        fix_revenants,
    ),
    Check(
        "person-covers",
        "People whose picture is not of them",
        "The face that was chosen for them is somebody else's now.",
        "PictoPy shows their best picture again, until somebody chooses another.",
        find_covers,
        fix_covers,
        is_whole=True,
    ),
    Check(
        "suggestion-sizes",
        "Suggestions that are counted wrong",
        "How many faces are in a suggestion decides where it stands on the page of people.",
        "They are counted anew.",
        find_sizes,
        fix_sizes,
        is_whole=True,
    ),
    Check(
        "spare-embeddings",
        "What another model saw of faces, and nobody needs",
        "A model for recognising faces was tried over a month ago and did not come into use. What it saw takes room.",
        "It is deleted. The model looks at all faces anew when somebody tries it again.",
        find_spares,
        fix_spares,
        is_whole=True,
    ),
    Check(
        "crops-orphaned",
        "Pictures of faces that no photo needs",
        "They were cut out of photos that were forgotten or whose content changed, and take room on the disk.",
        "They are deleted. Others are cut out again whenever a page shows them.",
        find_crops,
        fix_crops,
        speed="slow",
        is_whole=True,
    ),
)
