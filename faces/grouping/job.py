"""One run: claim, read, compute, write, keep."""

from __future__ import annotations

import datetime as dt
import logging
import time

from django.conf import settings
from django.utils import timezone
from threadpoolctl import threadpool_limits

from faces import revisions
from faces.grouping import calibrating, groups, matches, writing
from faces.grouping import snapshot as snapshots
from faces.grouping import state as states
from faces.grouping.groups import Result
from faces.grouping.snapshot import Snapshot
from faces.grouping.state import State
from faces.models import Clustering
from faces.rules import Rules, rules_for
from gallery import work
from gallery.vision import catalog

logger = logging.getLogger(__name__)

# Changes that come in while it computes are followed at once this often; after that the sweep asks again.
MAX_ROUNDS = 4


def run(clustering_id: int) -> None:
    """Brings the groups of one model up to date; returns at once when they are, or when another worker is at it."""
    for _ in range(MAX_ROUNDS):
        clustering = Clustering.objects.filter(pk=clustering_id).first()
        if clustering is None or not revisions.is_stale(clustering) or not _claim(clustering):
            return
        # Read after the lease is ours: what is counted up from here on is for the next round.
        clustering.refresh_from_db()
        try:
            is_written = _run(clustering)
        except Exception as error:
            # The lease stays, so that what fails is not tried again every second; the sweep comes back when it ends.
            Clustering.objects.filter(pk=clustering_id).update(error=f"{type(error).__name__}: {error}")
            raise
        if not is_written:
            return


def _claim(clustering: Clustering) -> bool:
    """Takes the lease with one compare-and-swap; a lease that ran out, or whose process is gone, is free."""
    if revisions.is_running(clustering):
        return False
    return bool(
        Clustering.objects.filter(
            pk=clustering.pk, lease_owner=clustering.lease_owner, lease_until=clustering.lease_until
        ).update(
            lease_owner=work.lease_owner(),
            lease_until=timezone.now() + dt.timedelta(seconds=settings.PICTOPY.lease_s),
        )
    )


def _run(clustering: Clustering) -> bool:
    """One round; False if the lease was lost meanwhile."""
    start = time.perf_counter()
    snapshot = snapshots.read_light(clustering.model)
    spec = catalog.model(clustering.model)
    # Two threads of OpenBLAS on a core that is busy wait for each other: 69 s instead of 26 for 100,000 faces.
    with threadpool_limits(settings.PICTOPY.threads_per_worker, user_api="blas"):
        rules, state, result = _compute(clustering, snapshot, spec)
    read_at = time.perf_counter()
    is_written = writing.write(clustering, snapshot, rules, result, milliseconds=round((read_at - start) * 1000))
    if state is not None:
        states.keep(state)
    matches.keep(clustering.model)
    return is_written


def _compute(clustering: Clustering, snapshot: Snapshot, spec: catalog.ModelSpec) -> tuple[Rules, State | None, Result]:
    """What is to be, the rules by which, and the state that says so.

    If no face changed, and no state is at hand, names are looked at alone: they must not wait for groups to be made
    from nothing. `clustering.calibration` becomes what the library measures, if it is due.
    """
    rules = rules_for(clustering, spec)
    state = states.take(clustering.model, rules)
    if state is None and not revisions.are_groups_stale(clustering, snapshot.fingerprint(rules)):
        return rules, None, groups.compute_people(snapshots.with_embeddings(snapshot), rules)
    change = groups.compare(state, snapshot, rules)
    if calibrating.is_due(clustering.calibration, len(change.good.known.ids), is_anew=change.state is None):
        clustering.calibration = calibrating.calibrate(
            clustering.calibration, change.embeddings(), change.photo_ids, spec
        )
        before, rules = rules, rules_for(clustering, spec)
        if rules.groups_key != before.groups_key and change.state is not None:
            change = groups.compare(None, snapshot, rules)
    state = groups.follow(change, rules)
    return rules, state, groups.results_of(state, snapshot, rules)
