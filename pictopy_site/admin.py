"""Accounts in Django's administration, for what the page of accounts does not offer: rights by hand, deleting."""

from __future__ import annotations

from typing import Any

import axes.admin  # noqa: F401  (so that nothing registers its tables after this)
from axes.models import AccessAttempt, AccessFailureLog, AccessLog
from django.contrib import admin, messages
from django.contrib.auth.admin import GroupAdmin, UserAdmin
from django.contrib.auth.forms import UserChangeForm
from django.contrib.auth.models import Group, User
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest

from gallery.ledgers import Guarded, Ledger
from pictopy_site import accounts

# The access log keeps the paths of links with which passwords are chosen.
for _model in (AccessAttempt, AccessLog, AccessFailureLog, User, Group):
    if admin.site.is_registered(_model):
        admin.site.unregister(_model)


class MemberForm(UserChangeForm):  # type: ignore[type-arg]  # generic only in the stubs
    """Django's, but the last administrator stays one. The page that saves it is one transaction."""

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        if not all(cleaned.get(name, True) for name in ("is_active", "is_staff", "is_superuser")):
            try:
                accounts.keep_an_administrator(without=[self.instance.pk])
            except accounts.LastAdministrator as refusal:
                raise ValidationError(str(refusal)) from None
        return cleaned


@admin.register(User)
class MemberAdmin(Guarded, UserAdmin):  # type: ignore[type-arg]  # generic only in the stubs
    """Accounts, as Django shows them; but the page that deletes one does not tell what that person kept private."""

    form = MemberForm
    list_filter = ("is_staff", "is_superuser", "is_active")

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> tuple[Any, Any, Any, Any]:
        """Only the accounts, where Django names and counts every album, library and mark that goes or is in the way.

        Marks go with their account although nobody deletes them here by hand. What an account owns protects it.
        """
        *_, protected = super().get_deleted_objects(objs, request)
        counts = {User._meta.verbose_name_plural: len(objs)}
        in_the_way = []
        if protected:
            in_the_way.append("libraries or albums: give them to somebody else first, or set the account to inactive")
        try:
            with transaction.atomic():
                accounts.keep_an_administrator(without=[user.pk for user in objs])
        except accounts.LastAdministrator:
            in_the_way.append("the last administrator: make somebody else an administrator first")
        return [str(user) for user in objs], counts, set(), in_the_way

    def delete_model(self, request: HttpRequest, obj: User) -> None:
        self.delete_queryset(request, User.objects.filter(pk=obj.pk))

    @transaction.atomic
    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        """Asked once more, for two who delete each other in the same moment."""
        accounts.keep_an_administrator(without=list(queryset.values_list("pk", flat=True)))
        super().delete_queryset(request, queryset)


@admin.register(Group)
class RightsAdmin(Guarded, GroupAdmin):
    """Groups, as Django shows them."""


@admin.register(AccessAttempt)
class AttemptAdmin(Ledger):
    """Wrong passwords. Whoever guessed too often need not wait when an administrator lets them in again."""

    list_display = ("username", "ip_address", "failures_since_start", "attempt_time")
    fields = list_display
    actions = ("let_in",)

    def has_let_in_permission(self, request: HttpRequest) -> bool:
        return admin.ModelAdmin.has_delete_permission(self, request)

    @admin.action(description="Let in again", permissions=["let_in"])
    def let_in(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        queryset.delete()
        messages.success(request, "They may try again.")
