"""What clustering has to catch up with: everything that changes faces or decisions counts a revision up.

Cheap to import: pages and the analyzer use it, and the numbers themselves are crunched in `grouping`, which only
workers load. Whatever forgets to count (rows deleted in the admin, a restored backup) is noticed by the fingerprint of
the faces and decisions that the last run saw, which the sweep compares once a minute.
"""

from __future__ import annotations

from collections.abc import Iterable

from django.db import transaction
from django.db.models import Count, F, Max, OuterRef, Q, QuerySet, Subquery, Sum
from django.db.models.functions import Coalesce
from django.utils import timezone

from faces.models import Cluster, Clustering, Face, FacePair, Refusal
from faces.rules import rules_of
from gallery import work
from gallery.models import Library

REGROUP = "faces.tasks.regroup"
# Counted up when the same faces and decisions are to give another result.
CODE = "5"


def comparable(model: str) -> QuerySet[Face]:
    """Faces embedded by this model and not set aside, whether their photos are in the trash or not: the index
    `face_of_model` answers for them alone."""
    return Face.objects.filter(model=model, state__in=[Face.State.UNKNOWN, Face.State.ASSIGNED])


def eligible(model: str) -> QuerySet[Face]:
    """Faces that clustering looks at: embedded by this model, not set aside, in photos that are not in the trash."""
    return comparable(model).filter(photo__trashed_at__isnull=True)


def lock() -> None:
    """Makes every other writer of faces wait until the end of this transaction: one query.

    Naming, undoing, analysing and grouping change the same faces, people and groups, each in an order of its own, which
    PostgreSQL would answer with deadlocks. So all of them lock these few rows first, in the order of their models.
    """
    list(Clustering.objects.select_for_update(no_key=True).order_by("model").values_list("pk"))


@transaction.atomic
def count_up(models: Iterable[str], *, wake: bool, faces: bool) -> None:
    """Notes a change for these embedding models; with `wake`, a worker looks at it at once.

    `faces`: the faces themselves changed. Otherwise only what people decided about them did, which moves names but no
    groups, and is followed in seconds however many faces there are.
    """
    for model in sorted({model for model in models if model}):
        changed = Clustering.objects.filter(model=model)
        counted = {"wanted": F("wanted") + 1, "faces_wanted": F("faces_wanted") + int(faces)}
        if not changed.update(**counted):
            Clustering.objects.bulk_create([Clustering(model=model)], ignore_conflicts=True)
            changed.update(**counted)
        if wake:
            work.wake(REGROUP, changed.values_list("pk", flat=True)[0])


def fingerprint(model: str) -> str:
    """What the result for a model depends on, in a few numbers: the rules, which faces there are, the decisions, and
    which libraries are private, whose files name faces for themselves alone (`told`).

    Six queries: one pass over the model's faces (0.1 s for 100,000, from an index alone), less those in the trash, and
    one each over the refusals, the pairs, the libraries and the rules.
    """
    everywhere, trashed = (
        _numbers(faces) for faces in (comparable(model), comparable(model).filter(photo__trashed_at__isnull=False))
    )
    numbers = [all_of_them - gone for all_of_them, gone in zip(everywhere, trashed, strict=True)]
    pairs = FacePair.objects.aggregate(count=Count("id"), last=Max("id"), same=Sum("id", filter=Q(is_same=True)))
    refusals = Refusal.objects.aggregate(count=Count("id"), last=Max("id"))
    decisions = [*numbers[3:], *refusals.values(), *private_libraries()]
    return compose(_rules(model), faces=[*numbers[:3], *pairs.values()], decisions=decisions)


def private_libraries() -> tuple[int, int]:
    """How many there are, and the sum of their ids. One query."""
    private = Library.objects.filter(visibility=Library.Visibility.PRIVATE)
    found = private.aggregate(count=Count("id"), sum=Sum("id"))
    return int(found["count"]), int(found["sum"] or 0)


def _numbers(faces: QuerySet[Face]) -> list[int]:
    confirmed = Q(is_confirmed=True)
    found = faces.aggregate(
        count=Count("id"),
        sum=Sum("id"),
        crcs=Sum("embedding_crc"),
        confirmed=Count("id", filter=confirmed),
        confirmed_sum=Sum("id", filter=confirmed),
        people=Sum("person_id", filter=confirmed),
        by_nobody=Sum("id", filter=confirmed & Q(decided_by__isnull=True)),
    )
    return [int(number or 0) for number in found.values()]


def _rules(model: str) -> str:
    """The rules for a model in words; nothing for one whose faces cannot be compared."""
    rules = rules_of(model)
    return rules.key if rules else ""


def compose(rules: str, *, faces: Iterable[int | None], decisions: Iterable[int | None]) -> str:
    """The text of a fingerprint. Nothing counts as 0."""
    parts = (" ".join(str(number or 0) for number in part) for part in (faces, decisions))
    return "/".join([f"{CODE} {rules}", *parts])


def are_groups_stale(clustering: Clustering, now: str) -> bool:
    """Whether the groups must be made anew, given the fingerprint `now`; otherwise only names may have moved."""
    return (
        clustering.faces_wanted > clustering.faces_done
        or now.rpartition("/")[0] != clustering.fingerprint.rpartition("/")[0]
    )


def is_stale(clustering: Clustering) -> bool:
    """Whether something changed since the last run. The fingerprint is asked only if the revisions agree."""
    return clustering.wanted > clustering.done or clustering.fingerprint != fingerprint(clustering.model)


def is_running(clustering: Clustering) -> bool:
    """Whether a worker that may still be alive holds the lease."""
    if not clustering.lease_owner or clustering.lease_until is None:
        return False
    return clustering.lease_until > timezone.now() and not work.is_gone(clustering.lease_owner)


def wake_stale() -> None:
    """Wakes a worker for each model whose faces changed and that nobody is working on."""
    for clustering in Clustering.objects.all():
        if not is_running(clustering) and is_stale(clustering):
            work.wake(REGROUP, clustering.pk)


def is_pending() -> bool:
    """Whether pages should say that faces are being compared: one query."""
    return Clustering.objects.filter(wanted__gt=F("done")).exists()


def count_sizes(clusters: QuerySet[Cluster]) -> None:
    """Counts the faces of each group that are nobody's yet: one statement."""
    clusters.update(size=true_size())


def true_size() -> Coalesce:
    """How many faces of a group are nobody's yet, for queries of groups."""
    unnamed = Face.objects.filter(cluster=OuterRef("pk"), state=Face.State.UNKNOWN).order_by()
    count = unnamed.values("cluster").annotate(count=Count("pk")).values("count")
    return Coalesce(Subquery(count), 0)
