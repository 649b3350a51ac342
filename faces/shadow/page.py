"""What the pages of recognition show, narrowed to what the viewer sees.

How far a model is, and how many photos it passed over, is told of everything, as the doctor tells it.
"""

from __future__ import annotations

from dataclasses import dataclass

from faces import revisions
from faces.access import clusters_visible_to, faces_visible_to, people_visible_to
from faces.models import Clustering, Face, Preview
from faces.shadow import changes, distances, models, previews, spares, switching
from faces.shadow.distances import Distances
from faces.shadow.fingerprint import fingerprint
from gallery.access import Viewer, get_or_404
from gallery.vision import catalog
from gallery.vision.catalog import ModelSpec, ModelUnavailable


def may_see(viewer: Viewer) -> bool:
    """Administrators: how faces are compared concerns the whole house."""
    return bool(getattr(viewer, "is_staff", False))


@dataclass(frozen=True, slots=True)
class DistanceLine:
    """One distance in words: what it is for, and what a smaller and a larger one bring."""

    name: str
    title: str
    what: str
    stricter: str
    looser: str
    catalog: float
    measured: float | None
    chosen: float | None
    now: float
    least: float
    most: float


@dataclass(frozen=True, slots=True)
class Overview:
    """`spec`: the model in use, if the catalog knows it; `why_not`: why nothing can be tried with it."""

    model: str
    spec: ModelSpec | None
    lines: list[DistanceLine]
    clustering: Clustering | None
    faces: int
    groups: int
    people: int
    is_comparing: bool
    previews: list[Preview]
    others: list[ModelSpec]
    why_not: str

    @property
    def by_itself(self) -> bool:
        """Whether nobody chose any distance."""
        return all(line.chosen is None for line in self.lines)


_WORDS = {
    "match_distance": (
        "To give a name",
        "How near a face must be to one that somebody confirmed, to be taken for the same person.",
        "fewer wrong names, more faces that are asked about",
        "more faces get their name by themselves, some of them a wrong one",
    ),
    "link_distance": (
        "To join groups",
        "How alike two groups of faces must be on the whole to become one.",
        "more and smaller groups, several of one person",
        "fewer and larger groups, some of two people",
    ),
    "eps": (
        "To begin a group",
        "How near two single faces must be to belong together.",
        "hardly any strangers in a group, and more faces in none",
        "more faces find a group, and look-alikes run together",
    ),
}


def overview(viewer: Viewer) -> Overview:
    """The page of recognition. A constant number of queries; three of them count all faces, groups and people seen."""
    model = models.present()
    spec = catalog.catalog().models.get(model)
    clustering = Clustering.objects.filter(model=model).first()
    lines, why_not = [], ""
    try:
        if spec is not None:
            lines = _lines(spec, clustering)
    except ModelUnavailable as error:
        why_not = str(error)
    eligible = [Face.State.UNKNOWN, Face.State.ASSIGNED]
    return Overview(
        model=model,
        spec=spec,
        lines=lines,
        clustering=clustering,
        faces=faces_visible_to(viewer).filter(model=model, state__in=eligible).order_by().count() if model else 0,
        groups=clusters_visible_to(viewer).order_by().count(),
        people=people_visible_to(viewer).order_by().count(),
        is_comparing=revisions.is_pending(),
        previews=list(Preview.objects.exclude(state=Preview.State.DONE).defer("result")),
        others=models.others(),
        why_not=why_not,
    )


def _lines(spec: ModelSpec, clustering: Clustering | None) -> list[DistanceLine]:
    usual, now = distances.of_catalog(spec), distances.in_force(clustering, spec)
    measured, chosen = distances.measured(clustering), distances.chosen(clustering)
    lines = []
    for name, words in _WORDS.items():
        least, most = distances.allowed(spec, name)
        values = getattr(usual, name), measured.get(name), chosen.get(name), getattr(now, name)
        lines.append(DistanceLine(name, *words, *values, least, most))
    return lines


def default_for(model: str) -> Distances:
    """The distances that would be in force if nobody had chosen. Raises ModelUnavailable."""
    return distances.by_itself(Clustering.objects.filter(model=model).first(), catalog.model(model))


# --- one preview


@dataclass(frozen=True, slots=True)
class RuleLine:
    """One distance of a preview, beside the one that is in force."""

    title: str
    now: float | None
    wanted: float

    @property
    def is_changed(self) -> bool:
        return self.now is None or abs(self.now - self.wanted) >= distances.STEP / 10


@dataclass(frozen=True, slots=True)
class Shown:
    """A preview as its page shows it. `progress`: of another model, while it looks at all faces."""

    preview: Preview
    present: str
    rules: list[RuleLine]
    progress: spares.Progress | None
    difference: changes.Difference | None
    is_out_of_date: bool
    why_not: str

    @property
    def is_other_model(self) -> bool:
        return self.preview.model != self.present

    @property
    def is_switching(self) -> bool:
        return self.preview.state == Preview.State.SWITCHING

    @property
    def is_at_work(self) -> bool:
        """Whether a worker is switching: before one begins, or when it ended, it is not too late to say no."""
        return self.is_switching and previews.is_held(self.preview)

    @property
    def is_open(self) -> bool:
        return self.is_switching or self.preview.state in {Preview.State.WAITING, Preview.State.RUNNING}

    @property
    def is_switched(self) -> bool:
        """Whether its model came into use, or again."""
        entry = self.preview.entry
        return self.preview.is_accepted and entry is not None and switching.is_switch(entry)

    @property
    def may_undo(self) -> bool:
        entry = self.preview.entry
        return self.is_switched and not self.preview.is_way_back and entry is not None and entry.undone_at is None

    @property
    def title(self) -> str:
        if self.preview.is_way_back:
            return f"Back to {self.preview.model}"
        if self.is_switching or self.is_switched:
            return f"Switch to {self.preview.model}"
        return "What would change"

    @property
    def mark(self) -> str:
        """Changes when there is something new to be seen but progress."""
        if self.is_switching:
            return f"{self.preview.state}-{self.is_at_work}"
        is_making = self.progress is None or self.progress.percent == 100
        return f"{self.preview.state}-{is_making}" if self.is_open else str(self.preview.state)


def get_preview(viewer: Viewer, preview_id: int) -> Preview:
    """A preview for administrators, whoever asked for it; Http404 for others."""
    rows = Preview.objects.select_related("entry") if may_see(viewer) else Preview.objects.none()
    return get_or_404(rows, pk=preview_id)


def shown(viewer: Viewer, preview: Preview, *, start: int = 0) -> Shown:
    """A preview and what it would change of what the viewer sees. A constant number of queries."""
    present = models.present()
    is_other = preview.model != present
    is_ready = preview.state == Preview.State.READY
    return Shown(
        preview=preview,
        present=present,
        rules=_rules(preview, present),
        progress=spares.progress(preview.model) if is_other else None,
        difference=changes.difference(viewer, preview, start=start) if is_ready else None,
        is_out_of_date=is_ready and preview.seen != fingerprint(present),
        why_not=models.why_not(preview.model) if is_other else "",
    )


def _rules(preview: Preview, present: str) -> list[RuleLine]:
    spec = catalog.catalog().models.get(preview.model)
    clustering = Clustering.objects.filter(model=preview.model).first()
    try:
        now = distances.in_force(clustering, spec) if spec else None
    except ModelUnavailable:
        now = None
    compared = now if preview.model == present else None
    return [
        RuleLine(words[0], getattr(compared, name, None), float(preview.rules.get(name, getattr(now, name, 0.0))))
        for name, words in _WORDS.items()
    ]
