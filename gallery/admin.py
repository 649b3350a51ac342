"""The administration of libraries, photos and what was done to them.

It shows a person what the pages show them: rows of libraries that they may see, so that another's private library is
as little there as it is elsewhere. What scans and workers write is read-only; what is left to do here are settings of
libraries, captions, and asking for a scan or another try. Lists stay quick with 200,000 photos: they are ordered by
primary key, count once, and look nothing up row by row.
"""

from __future__ import annotations

from typing import Any

import django_q.admin  # noqa: F401
from django.contrib import admin, messages
from django.db.models import Count, Exists, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django_q.models import Failure, OrmQ, Schedule, Success

from gallery import decided, search_text, services
from gallery.access import libraries_editable_by, libraries_visible_to, visible_to
from gallery.ledgers import AnalyzerFilter, Ledger, LibraryFilter, MonthFilter, Retries, Rows, thumbnail
from gallery.models import (
    AnalyzerVersion,
    Condition,
    Detection,
    File,
    Label,
    Library,
    Mark,
    Photo,
    Receipt,
    Scan,
    WorkState,
)

admin.site.site_header = "PictoPy"
admin.site.site_title = "PictoPy"
admin.site.index_title = "Administration"


# --- what others registered

# Whoever may write a schedule or a message of django-q runs any function of Python. Imported here, so that nothing
# registers them later; a queue in Redis registers no OrmQ.
for _model in (Schedule, Success, Failure, OrmQ):
    if admin.site.is_registered(_model):
        admin.site.unregister(_model)


# --- libraries and scans


@admin.register(Library)
class LibraryAdmin(Ledger):
    list_display = ("name", "state", "visibility", "owner", "kind", "photo_count", "failed_count", "last_scan")
    list_filter = ("state", "visibility", "kind")
    list_select_related = ("owner",)
    search_fields = ("name", "root")
    fields = (
        "name", "root_display", "kind", "owner", "visibility", "state", "state_reason", "exclude", "scan_every_min",
        "created_at",
    )  # fmt: skip
    readonly_fields = ("root_display", "kind", "state", "state_reason", "created_at")
    autocomplete_fields = ("owner",)
    actions = ("scan",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Library]:
        of_library = Photo.objects.filter(library=OuterRef("pk")).order_by().values("library")
        scanned = Scan.objects.filter(library=OuterRef("pk"), started_at__isnull=False).order_by("-id")
        return libraries_visible_to(request.user).annotate(
            photo_total=Coalesce(Subquery(of_library.annotate(n=Count("id")).values("n")), 0),
            failed_total=Coalesce(
                Subquery(of_library.filter(work_state=WorkState.FAILED).annotate(n=Count("id")).values("n")), 0
            ),
            scanned_at=Subquery(scanned.values("started_at")[:1]),
        )

    def has_change_permission(self, request: HttpRequest, obj: Library | None = None) -> bool:
        allowed = admin.ModelAdmin.has_change_permission(self, request, obj)
        return allowed and (obj is None or libraries_editable_by(request.user).filter(pk=obj.pk).exists())

    @admin.display(description="folder")
    def root_display(self, library: Library) -> str:
        return library.root_display

    @admin.display(description="photos", ordering="photo_total")
    def photo_count(self, library: Any) -> str:
        return f"{library.photo_total:,}"

    @admin.display(description="failed", ordering="failed_total")
    def failed_count(self, library: Any) -> str:
        return f"{library.failed_total:,}"

    @admin.display(description="last scan", ordering="scanned_at")
    def last_scan(self, library: Any) -> Any:
        return library.scanned_at

    @admin.action(description="Scan selected libraries now", permissions=["change"])
    def scan(self, request: HttpRequest, queryset: QuerySet[Library]) -> None:
        libraries = list(libraries_editable_by(request.user).filter(pk__in=queryset.order_by().values("pk")))
        for library in libraries:
            services.request_scan(library)
        count = len(libraries)
        messages.success(request, f"{count} {'library' if count == 1 else 'libraries'} will be scanned.")


@admin.register(Scan)
class ScanAdmin(Ledger):
    library = "library"
    list_display = (
        "id", "library", "work_state", "requested_at", "started_at", "seen", "added", "changed", "moved", "gone",
        "skipped", "error",
    )  # fmt: skip
    list_filter = (LibraryFilter, "work_state")
    list_select_related = ("library",)
    ordering = ("-id",)
    exclude = ("lease_until", "lease_owner")


# --- photos and their files


TAKEN_FIELDS = (
    "taken", "utc_offset_min", "taken_source", "camera", "lens", "exposure_s", "f_number", "iso", "focal_mm",
    "latitude", "longitude", "altitude_m",
)  # fmt: skip
WORK_FIELDS = (
    "work_state", "attempts", "error", "worked_at", "lease_until", "lease_owner", "added_at", "imported_at",
    "missing_since", "trashed_at",
)  # fmt: skip


class FileRows(Rows):
    model = File
    fk_name = "photo"
    fields = ("display", "role", "size_bytes", "missing_since")
    readonly_fields = fields


class ReceiptRows(Rows):
    model = Receipt
    fields = ("analyzer", "version", "state", "error", "milliseconds", "at")


@admin.register(Photo)
class PhotoAdmin(Retries):
    """Also photos that could not be read or lie in the trash, which no page shows."""

    library = "library"
    list_display = ("picture", "id", "file_name", "library", "kind", "taken", "camera", "work_state", "error")
    list_display_links = ("picture", "id")
    list_filter = (
        LibraryFilter,
        "work_state",
        "kind",
        MonthFilter,
        ("missing_since", admin.EmptyFieldListFilter),
        ("imported_at", admin.EmptyFieldListFilter),
    )
    list_select_related = ("library",)
    search_fields = ("camera",)
    search_help_text = "Part of a path or of a camera's name, or the beginning of a SHA-256 digest"
    sortable_by = ("id",)
    ordering = ("-id",)
    inlines = (FileRows, ReceiptRows)
    fieldsets = (
        (None, {"fields": ("picture", "library", "caption", "rating")}),
        ("Content", {"fields": ("kind", "mime", "digest", "width", "height", "size_bytes")}),
        ("Taken", {"fields": TAKEN_FIELDS}),
        ("Work", {"fields": WORK_FIELDS}),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Photo]:
        return super().get_queryset(request).select_related("library").prefetch_related("files")

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Photo], search_term: str
    ) -> tuple[QuerySet[Photo], bool]:
        """Each word in a path or a camera's name, or at the beginning of a digest; no join, so no duplicates."""
        for word in search_term.replace("\0", " ").split():
            in_path = Exists(File.objects.filter(photo=OuterRef("pk"), path__icontains=word))
            queryset = queryset.filter(Q(camera__icontains=word) | Q(digest__startswith=word.lower()) | in_path)
        return queryset, False

    def get_readonly_fields(self, request: HttpRequest, obj: Photo | None = None) -> list[str]:
        return [
            "picture", "library", "kind", "mime", "digest", "width", "height", "size_bytes", *TAKEN_FIELDS, *WORK_FIELDS
        ]  # fmt: skip

    def has_change_permission(self, request: HttpRequest, obj: Photo | None = None) -> bool:
        return admin.ModelAdmin.has_change_permission(self, request, obj)

    def save_model(self, request: HttpRequest, obj: Photo, form: Any, change: bool) -> None:
        # What a person wrote here, no file changes any more.
        decided.put(obj, decided.parts(obj) | ({"caption", "rating"} & set(form.changed_data)))
        super().save_model(request, obj, form, change)
        search_text.write([obj.pk])

    @admin.display(description="picture")
    def picture(self, photo: Photo) -> SafeString | str:
        return thumbnail(photo)

    @admin.display(description="file")
    def file_name(self, photo: Photo) -> str:
        return ", ".join(file.name for file in photo.files.all())

    @admin.display(description="taken", ordering="sort_at")
    def taken(self, photo: Photo) -> str:
        return f"{photo.taken:%Y-%m-%d %H:%M}" if photo.taken else "–"

    def photos_of(self, rows: QuerySet[Photo]) -> QuerySet[Any, Any]:
        return rows.values("pk")


@admin.register(File)
class FileAdmin(Ledger):
    library = "library"
    list_display = ("display", "library", "role", "size_bytes", "of_photo", "missing_since")
    list_filter = (LibraryFilter, "role", ("missing_since", admin.EmptyFieldListFilter))
    list_select_related = ("library",)
    search_fields = ("path",)
    ordering = ("-id",)
    sortable_by = ()
    fields = ("display", "library", "photo", "role", "size_bytes", "mtime_ns", "missing_since")

    @admin.display(description="photo")
    def of_photo(self, file: File) -> SafeString:
        return format_html(
            '<a href="{}">{}</a>', reverse("admin:gallery_photo_change", args=[file.photo_id]), file.photo_id
        )


# --- what was done to photos, and what was found


@admin.register(Receipt)
class ReceiptAdmin(Retries):
    library = "photo__library"
    list_display = ("photo", "analyzer", "state", "error", "version", "milliseconds", "at")
    list_filter = (LibraryFilter, AnalyzerFilter, "state")
    list_select_related = ("photo",)
    ordering = ("-id",)
    sortable_by = ()

    def photos_of(self, rows: QuerySet[Receipt]) -> QuerySet[Any, Any]:
        return rows.values("photo_id")


@admin.register(Detection)
class DetectionAdmin(Ledger):
    library = "photo__library"
    list_display = ("label", "photo", "percent")
    list_filter = (LibraryFilter,)
    list_select_related = ("label", "photo")
    search_fields = ("=label__name",)
    search_help_text = "The whole name of a thing, such as dog"
    ordering = ("-id",)
    sortable_by = ()

    @admin.display(description="score")
    def percent(self, detection: Detection) -> str:
        return f"{100 * detection.score:.0f} %"


@admin.register(Label)
class LabelAdmin(Ledger):
    """Only things that are in a photo of the person: a word alone may tell what is in another's private library."""

    list_display = ("name", "slug")
    search_fields = ("name",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Label]:
        seen = visible_to(request.user).filter(pk=OuterRef("photo_id"))
        return Label.objects.filter(Exists(Detection.objects.filter(Exists(seen), label_id=OuterRef("pk")).order_by()))


@admin.register(Mark)
class MarkAdmin(Ledger):
    """The person's own marks: those of others are nobody else's business."""

    library = "photo__library"
    list_display = ("photo", "favourite", "archived", "changed_at")
    list_filter = (LibraryFilter, "favourite", "archived")
    list_select_related = ("photo",)
    ordering = ("-id",)
    sortable_by = ()

    def get_queryset(self, request: HttpRequest) -> QuerySet[Mark]:
        return super().get_queryset(request).filter(user_id=request.user.pk)


@admin.register(AnalyzerVersion)
class AnalyzerVersionAdmin(Ledger):
    list_display = ("name", "version", "changed_at")


@admin.register(Condition)
class ConditionAdmin(Ledger):
    list_display = ("key", "text", "at")
