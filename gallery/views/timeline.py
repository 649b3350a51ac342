"""The timeline: all photos by month."""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from gallery import months, queries
from gallery.views import MemberRequest, render_page


@require_safe
def timeline(request: MemberRequest) -> HttpResponse:
    """Every month with its place on the page; the newest are filled. `?at=<photo>` fills the months around a photo."""
    sections = months.timeline(request.user, request.GET.get("at"))
    context = {
        "nav": "photos",
        "sections": sections,
        "years": months.years(sections),
        "total": sum(section.month.count for section in sections),
        "has_libraries": bool(sections) or queries.has_libraries(request.user),
    }
    return render(request, "gallery/timeline.html", context)


@require_safe
def timeline_month(request: MemberRequest, number: int) -> HttpResponse:
    """One page of a month behind `?after=`: a fragment for the timeline, or a page of its own."""
    after = request.GET.get("after")
    section = months.month_tiles(request.user, number, after)
    context = {
        "nav": "photos",
        "month": section.month,
        "tiles": section.tiles,
        "rest": section.rest,
        "is_continued": bool(after),
    }
    return render_page(request, "gallery/timeline_month.html", "_tiles.html", context)
