"""Faces and people in the administration: those that the person may see anyway, and hardly anything to change.

What is decided about people is decided on their pages, where it is written into the journal and can be taken back.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.options import ModelAdmin
from django.contrib.auth.models import AbstractBaseUser
from django.db.models import BooleanField, Count, Exists, ExpressionWrapper, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.http import Http404, HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from faces import crops, revisions, services, undo
from faces.access import (
    clusters_visible_to,
    faces_visible_to,
    get_event,
    journal_visible_to,
    people_visible_to,
    unnamed_visible_to,
)
from faces.known import known_merged
from faces.models import Cluster, Clustering, Event, Face, Person, Refusal
from faces.shadow import switching
from faces.shadow.rules import NotApplicable
from gallery.ledgers import Ledger

CROP_PX = 64


def crop(face: Face) -> SafeString:
    """The face as a small picture that leads to its photo."""
    return format_html(
        '<a href="{}"><img src="{}" alt="" width="{}" height="{}" loading="lazy"></a>',
        reverse("gallery:photo_detail", args=[face.photo_id]),
        crops.url(face.pk, face.photo.digest or "", (face.x, face.y, face.w, face.h)) if face.is_placed else "",
        CROP_PX,
        CROP_PX,
    )


def counted(faces: QuerySet[Face], column: str, count: Count) -> Coalesce:
    """How many of the faces belong to the row, as a subquery."""
    rows = faces.filter(**{column: OuterRef("pk")}).order_by().values(column)
    return Coalesce(Subquery(rows.annotate(number=count).values("number")), 0)


@admin.register(Person)
class PersonAdmin(Ledger):
    list_display = ("name", "photos", "hidden", "birth_date", "created_by", "created_at")
    list_filter = ("hidden",)
    list_select_related = ("created_by",)
    search_fields = ("name",)
    fields = ("name", "hidden", "birth_date", "created_by", "created_at")
    readonly_fields = ("created_by", "created_at")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        photos = counted(faces_visible_to(request.user), "person", Count("photo_id", distinct=True))
        return people_visible_to(request.user).annotate(photo_count=photos)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return ModelAdmin.has_change_permission(self, request, obj)

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """What is changed here is decided as on the pages: it is an entry of the journal, and can be taken back."""
        assert isinstance(request.user, AbstractBaseUser)
        person = Person.objects.get(pk=obj.pk)
        services.rename_person(person, obj.name, request.user)
        services.hide_person(person, request.user, is_hidden=obj.hidden)
        try:
            services.set_birth_date(person, obj.birth_date, request.user)
        except ValueError as error:
            messages.error(request, str(error))

    @admin.display(ordering="photo_count")
    def photos(self, person: Any) -> int:
        return int(person.photo_count)


@admin.register(Face)
class FaceAdmin(Ledger):
    list_display = ("picture", "id", "photo_id", "person", "state", "is_confirmed", "quality", "score", "model")
    list_filter = ("state", "is_confirmed", "model")
    search_fields = ("person__name", "=photo__id")
    fields = (
        "picture",
        "photo",
        "person",
        "state",
        "is_confirmed",
        "decided_by",
        "suggestion",
        ("x", "y", "w", "h"),
        "score",
        "quality",
        "model",
    )
    readonly_fields = ("picture", "suggestion")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        faces = faces_visible_to(request.user).select_related("photo", "person", "decided_by")
        suggestion = clusters_visible_to(request.user).filter(pk=OuterRef("cluster_id")).values("pk")
        return faces.defer("embedding", "landmarks").annotate(seen_cluster=Subquery(suggestion)).order_by("-id")

    @admin.display
    def suggestion(self, face: Any) -> int | None:
        return face.seen_cluster and int(face.seen_cluster)

    @admin.display(description="face")
    def picture(self, face: Face) -> SafeString:
        return crop(face)


@admin.register(Cluster)
class ClusterAdmin(Ledger):
    list_display = ("id", "faces", "model", "created_at")
    list_filter = ("model",)
    fields = ("id", "model", "created_at")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        faces = counted(unnamed_visible_to(request.user), "cluster", Count("pk"))
        return clusters_visible_to(request.user).annotate(face_count=faces).order_by("-face_count", "id")

    @admin.display(ordering="face_count")
    def faces(self, cluster: Any) -> int:
        return int(cluster.face_count)


@admin.register(Refusal)
class RefusalAdmin(Ledger):
    list_display = ("picture", "face", "person", "decided_by", "at")
    search_fields = ("person__name",)
    fields = ("picture", "face", "person", "decided_by", "at")
    readonly_fields = ("picture",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Where both are seen: a face says nothing about the name of somebody who is in no photo of this person."""
        rows = Refusal.objects.filter(
            Exists(faces_visible_to(request.user).filter(pk=OuterRef("face_id"))),
            Exists(people_visible_to(request.user).filter(pk=OuterRef("person_id"))),
        )
        rows = rows.select_related("face__photo", "person", "decided_by")
        return rows.defer("face__embedding", "face__landmarks").order_by("-id")

    @admin.display(description="face")
    def picture(self, refusal: Refusal) -> SafeString:
        return crop(refusal.face)


@admin.register(Event)
class EventAdmin(Ledger):
    """The journal, without what undoes an entry (`before`): that lists faces in photos of others as well."""

    list_display = ("id", "kind", "about", "actor", "at", "undone_at", "undone_by")
    list_filter = ("kind",)
    list_select_related = ("person", "actor", "undone_by")
    search_fields = ("person__name",)
    fields = ("kind", "about", "actor", "at", "undone_at", "undone_by")
    readonly_fields = ("about",)
    actions = ("take_back",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        known = Q(person__merged_into__isnull=True) | Q(person__in=known_merged(request.user))
        rows = journal_visible_to(request.user).annotate(knows_person=ExpressionWrapper(known, BooleanField()))
        return rows.order_by("-id")

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """What is found must not tell a name that the list does not."""
        found, has_doubles = super().get_search_results(request, queryset, search_term)
        return (found.filter(knows_person=True) if search_term else found), has_doubles

    @admin.display(description="person")
    def about(self, event: Any) -> str:
        """Not sorted by: the order would tell of names."""
        if event.person is None:
            return "-"
        return event.person.name if event.knows_person else "somebody"

    def has_take_back_permission(self, request: HttpRequest) -> bool:
        return ModelAdmin.has_change_permission(self, request)

    @admin.action(description="Take back", permissions=["take_back"])
    def take_back(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        """The last entry first, as people would. Names that were taken from files are undone nowhere else."""
        count, said, is_asked = 0, [], False
        assert isinstance(request.user, AbstractBaseUser)
        for event_id in queryset.filter(undone_at__isnull=True).order_by("-id").values_list("pk", flat=True):
            with suppress(undo.AlreadyUndone, Http404):
                try:
                    event = get_event(request.user, event_id)
                    if switching.is_switch(event):
                        switching.ask_back(event, request.user)
                        is_asked = True
                        continue
                    said += undo.undo_event(event, request.user)
                    count += 1
                except (undo.SomethingFirst, NotApplicable) as error:
                    said.append(str(error))
        for sentence in dict.fromkeys(said):
            messages.info(request, sentence)
        if is_asked:
            messages.success(request, "A worker takes the switch back: the former model is in use again in a moment.")
        if count or not is_asked:
            messages.success(request, f"{count:,} {'entry was' if count == 1 else 'entries were'} taken back.")


@admin.register(Clustering)
class ClusteringAdmin(Ledger):
    list_display = ("model", "face_count", "cluster_count", "milliseconds", "finished_at", "is_current", "error")
    fields = (*list_display, "merge_count", "split_count", "wanted", "done", "lease_until", "lease_owner")
    readonly_fields = ("is_current",)
    actions = ("cluster_again",)

    @admin.display(boolean=True, description="up to date")
    def is_current(self, clustering: Clustering) -> bool:
        return clustering.wanted <= clustering.done

    def has_again_permission(self, request: HttpRequest) -> bool:
        return ModelAdmin.has_change_permission(self, request)

    @admin.action(description="Group the faces anew", permissions=["again"])
    def cluster_again(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        revisions.count_up(queryset.values_list("model", flat=True), wake=True, faces=True)
        messages.success(request, "The faces will be grouped anew.")
