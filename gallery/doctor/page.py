"""What the doctor's page shows: every check, what it found last, and what is going on."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from gallery import libraries
from gallery.access import Viewer, visible_library_ids
from gallery.doctor import registry, running
from gallery.doctor.registry import Check, Example
from gallery.models import Checkup, WorkState


@dataclass(frozen=True, slots=True)
class Line:
    """One check. `examples`: those that the viewer may be told; `at`: None for what was found this moment."""

    check: Check
    count: int
    examples: list[Example]
    error: str
    mended: int | None
    at: dt.datetime | None
    is_being_fixed: bool

    @property
    def more(self) -> int:
        return self.count - len(self.examples)


@dataclass(frozen=True, slots=True)
class Page:
    findings: list[Line]
    fine: list[Line]
    unknown: list[Check]
    at_work: list[Checkup]
    failed: Checkup | None

    @property
    def running(self) -> Checkup | None:
        return next((row for row in self.at_work if row.work_state == WorkState.CLAIMED), None)

    @property
    def is_looking(self) -> bool:
        """Whether an examination is asked for or going on."""
        return any(not row.fix for row in self.at_work)

    @property
    def is_well(self) -> bool:
        """Whether everything was looked at, but for what takes hours, and nothing found."""
        return not self.findings and all(check.speed == "content" for check in self.unknown)

    @property
    def looked_at(self) -> dt.datetime | None:
        return max((line.at for line in [*self.findings, *self.fine] if line.at), default=None)

    @property
    def mark(self) -> str:
        """Changes when there is something new to be seen but progress."""
        works = "-".join(f"{row.pk}.{len(row.results)}.{row.work_state}" for row in self.at_work)
        looked = self.looked_at
        return f"{works}-{int(looked.timestamp()) if looked else 0}-{bool(self.failed)}"


def may_see(viewer: Viewer) -> bool:
    """Administrators only, as for folders of the server."""
    return libraries.may_add(viewer)


def page(viewer: Viewer) -> Page:
    """All checks: quick ones are carried out, of others the last result is shown. A constant number of queries.

    Counts are of everything. Of photos in libraries that the viewer does not see, nothing else is told.
    """
    seen = set(visible_library_ids(viewer))
    at_work = running.at_work()
    being_fixed = {row.fix for row in at_work if row.fix}
    known = running.newest()
    now = running.quick()
    findings: list[Line] = []
    fine: list[Line] = []
    unknown: list[Check] = []
    for check in registry.all_checks():
        last = known.get(check.name)
        result = now.get(check.name) or (last.result if last else None)
        if result is None:
            unknown.append(check)
            continue
        line = Line(
            check=check,
            count=result.count,
            examples=[it for it in result.examples if it.library_id is None or it.library_id in seen],
            error=result.error,
            mended=last.result.mended if last else None,
            at=None if check.name in now or last is None else last.at,
            is_being_fixed=check.name in being_fixed,
        )
        (fine if result.is_fine else findings).append(line)
    return Page(findings, fine, unknown, at_work, running.last_failed())
