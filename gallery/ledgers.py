"""What the lists of the administration share: whose rows they show, their filters, another try, small pictures."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.views.main import ChangeList
from django.core.exceptions import ValidationError
from django.db.models import Model, QuerySet
from django.db.models.constants import LOOKUP_SEP
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString

from gallery import services
from gallery.access import libraries_visible_to, visible_library_ids, visible_to
from gallery.models import UNDATED, AnalyzerVersion, Photo
from gallery.photosets import NEWEST_FIRST, OLDEST_FIRST
from gallery.queries import thumbnail_url

if TYPE_CHECKING:
    _ModelAdmin = admin.ModelAdmin[Any]
    _TabularInline = admin.TabularInline[Any, Photo]
else:  # generic only in the stubs
    _ModelAdmin, _TabularInline = admin.ModelAdmin, admin.TabularInline

THUMBNAIL_PX = 80

# What Django's filters of one column ask: the chosen value, any of it, none of it.
FILTER_LOOKUPS = {"", "exact", "isnull", "isempty"}


class Guarded(_ModelAdmin):
    """Lists whose addresses ask nothing but what their filters ask.

    Django lets `?marks=1` or `?detections=40` through, and so tells whose favourites and which private photos there
    are. Here a condition that no filter of the list declares is refused, and so is every one on another table.
    """

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest | None = None) -> bool:
        column, _, kind = lookup.partition(LOOKUP_SEP)
        for declared in self.list_filter:
            if isinstance(declared, type):
                if lookup == getattr(declared, "parameter_name", None):
                    return True
                continue
            name = declared[0] if isinstance(declared, (tuple, list)) else declared
            if name == column and kind in FILTER_LOOKUPS:
                return not self.model._meta.get_field(column).is_relation
        return False

    def get_changelist_instance(self, request: HttpRequest) -> ChangeList:
        """The list, unless the address holds NUL, which PostgreSQL takes in no text: then it is as good as wrong."""
        if any("\0" in text for name, texts in request.GET.lists() for text in (name, *texts)):
            raise IncorrectLookupParameters
        return super().get_changelist_instance(request)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """Also what the fields that complete a name ask, who do not come through the list."""
        if "\0" in search_term:
            return queryset.none(), False
        return super().get_search_results(request, queryset, search_term)

    def response_action(self, request: HttpRequest, queryset: QuerySet[Any], *args: Any, **kwargs: Any) -> Any:
        """Runs an action, unless what is selected cannot be the key of any row, on which Django would break."""
        if all(self._may_be_key(value) for value in request.POST.getlist(ACTION_CHECKBOX_NAME)):
            return super().response_action(request, queryset, *args, **kwargs)
        self.message_user(request, "What was selected is not in this list. Nothing was changed.", messages.WARNING)
        return None

    def _may_be_key(self, value: str) -> bool:
        try:
            self.model._meta.pk.clean(value, None)
        except ValidationError:
            return False
        return "\0" not in value

    def get_view_on_site_url(self, obj: Any = None) -> str | None:
        """The page itself: Django's way there (`admin/r/`) tells of every row whether it exists, and is closed."""
        return obj.get_absolute_url() if hasattr(obj, "get_absolute_url") else None


class Ledger(Guarded):
    """Rows that the program writes and a person reads.

    `library` is the way from a row to its library; empty for rows that belong to none.
    """

    library: ClassVar[str] = ""
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER
    list_per_page = 50

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Only rows of libraries that the person may see; for every page of the admin, its searches and actions."""
        rows = super().get_queryset(request)
        return rows.filter(**{f"{self.library}_id__in": visible_library_ids(request.user)}) if self.library else rows

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any | None = None) -> bool:
        return False


class Retries(Ledger):
    """Rows whose photos may be tried again."""

    actions = ("retry",)

    def has_retry_permission(self, request: HttpRequest) -> bool:
        return getattr(request.user, "is_staff", False) and request.user.has_perm("gallery.change_photo")

    def photos_of(self, rows: QuerySet[Any]) -> QuerySet[Any, Any]:
        """Ids of the photos of the selected rows."""
        raise NotImplementedError

    @admin.action(description="Try failed ones again", permissions=["retry"])
    def retry(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        ids = self.photos_of(queryset.order_by())
        count = services.retry_photos(
            Photo.objects.filter(library_id__in=visible_library_ids(request.user), pk__in=ids)
        )
        if count:
            messages.success(request, f"{count:,} {'photo' if count == 1 else 'photos'} will be tried again.")
        else:
            messages.info(request, "Nothing among these has failed.")


class Rows(_TabularInline):
    """Rows shown on the page of a photo, to read."""

    extra = 0
    can_delete = False

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class LibraryFilter(admin.SimpleListFilter):
    """By library; Django's own filter would name the libraries of everybody."""

    title = "library"
    parameter_name = "in"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(str(pk), name) for pk, name in libraries_visible_to(request.user).values_list("pk", "name")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        value = self.value()
        if not value or not isinstance(self.model_admin, Ledger):
            return queryset
        if value not in dict(self.lookup_choices):
            return queryset.none()
        return queryset.filter(**{self.model_admin.library: int(value)})

    def __init__(self, request: HttpRequest, params: Any, model: type[Model], model_admin: Any) -> None:
        self.model_admin = model_admin
        super().__init__(request, params, model, model_admin)


class MonthFilter(admin.SimpleListFilter):
    """Years, and the months of the chosen one: two looks into an index, where `date_hierarchy` would read every row."""

    title = "month"
    parameter_name = "taken"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        dated = visible_to(request.user).filter(sort_at__gt=UNDATED).values_list("month", flat=True)
        first, last = dated.order_by(*OLDEST_FIRST).first(), dated.order_by(*NEWEST_FIRST).first()
        found: list[tuple[str, str]] = []
        for year in range(last // 100, first // 100 - 1, -1) if first and last else ():
            found.append((str(year), str(year)))
            if (self.value() or "")[:4] == str(year):
                found += [(f"{year}{month:02d}", f"{year}-{month:02d}") for month in range(12, 0, -1)]
        return [*found, ("0", "undated")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        value = self.value()
        if not value:
            return queryset
        if not value.isdecimal() or len(value) > 6:
            return queryset.none()
        month = int(value)
        whole_year = 0 < month < 10_000
        return (
            queryset.filter(month__range=(month * 100, month * 100 + 99))
            if whole_year
            else queryset.filter(month=month)
        )


class AnalyzerFilter(admin.SimpleListFilter):
    """By analyzer, from the few that are known instead of from all receipts."""

    title = "analyzer"
    parameter_name = "analyzer"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(name, name) for name in AnalyzerVersion.objects.order_by("name").values_list("name", flat=True)]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        value = self.value()
        if not value:
            return queryset
        return queryset.filter(analyzer=value) if value in dict(self.lookup_choices) else queryset.none()


def thumbnail(photo: Photo) -> SafeString | str:
    """The small picture, at most `THUMBNAIL_PX` wide and high; a dash for what could not be read."""
    if not (photo.imported_at and photo.digest and photo.width and photo.height):
        return "–"
    scale = THUMBNAIL_PX / max(photo.width, photo.height)
    return format_html(
        '<img src="{}" alt="" width="{}" height="{}" loading="lazy">',
        thumbnail_url(photo, "small"),
        max(1, round(photo.width * scale)),
        max(1, round(photo.height * scale)),
    )
