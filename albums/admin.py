"""Albums in the administration: those that the person may see anyway. Only its owner changes an album."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.contrib.admin.options import ModelAdmin
from django.db.models import QuerySet
from django.http import HttpRequest

from albums.access import albums_editable_by, albums_visible_to
from albums.models import Album
from gallery.ledgers import Ledger


@admin.register(Album)
class AlbumAdmin(Ledger):
    list_display = ("name", "owner", "visibility", "order", "created_at", "changed_at")
    list_filter = ("visibility",)
    list_select_related = ("owner",)
    search_fields = ("name", "description")
    fields = ("name", "description", "visibility", "order", "owner", "created_at", "changed_at")
    readonly_fields = ("owner", "created_at", "changed_at")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return albums_visible_to(request.user)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        allowed = ModelAdmin.has_change_permission(self, request, obj)
        return allowed and (obj is None or albums_editable_by(request.user).filter(pk=obj.pk).exists())
