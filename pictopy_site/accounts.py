"""The accounts of the household: who may sign in, and who administers.

Django keeps them; here is what a household does with them. No account is deleted: one that is closed keeps its albums
and favourites, and can be opened again. And there is always somebody left who administers.
"""

from __future__ import annotations

from collections.abc import Collection

from axes.utils import reset
from django.contrib.auth.models import User
from django.contrib.auth.tokens import default_token_generator
from django.db import IntegrityError, transaction
from django.db.models import QuerySet, TextChoices
from django.db.models.functions import Lower
from django.urls import reverse
from django.utils.encoding import force_bytes
from django.utils.http import urlsafe_base64_encode

from gallery.access import Viewer


class Role(TextChoices):
    MEMBER = "member", "Member"
    ADMINISTRATOR = "administrator", "Administrator"


class LastAdministrator(Exception):  # noqa: N818
    """Afterwards nobody could administer PictoPy any more."""

    def __init__(self) -> None:
        super().__init__("This is the last administrator. Make somebody else an administrator first.")


class NameTaken(Exception):  # noqa: N818
    """Somebody else was given this name in the same moment."""


def administrators() -> QuerySet[User]:
    """Who can administer everything."""
    return User.objects.filter(is_active=True, is_staff=True, is_superuser=True)


def may_manage(viewer: Viewer) -> bool:
    """Whether the viewer may change accounts. Rights to parts of the administration are not enough: whoever may set
    the password of an administrator is one."""
    return isinstance(viewer, User) and viewer.is_active and viewer.is_staff and viewer.is_superuser


def accounts() -> QuerySet[User]:
    """All of them, those that may sign in first."""
    return User.objects.order_by("-is_active", Lower("username"), "pk")


def role_of(user: User) -> Role:
    return Role.ADMINISTRATOR if user.is_staff and user.is_superuser else Role.MEMBER


def add_account(*, username: str, role: str, password: str = "") -> User:
    """A new account; without a password nobody can sign in until one is chosen with a link. Raises NameTaken."""
    user = User(username=username)
    _set_role(user, role)
    user.set_password(password or None)
    try:
        with transaction.atomic():
            user.save()
    except IntegrityError:
        raise NameTaken from None
    return user


@transaction.atomic
def change_account(user_id: int, *, role: str, is_active: bool) -> None:
    """Changes what an account may do. Raises LastAdministrator.

    Rights that were given by hand, in Django's administration, are left as they are unless the role changes.
    """
    if role != Role.ADMINISTRATOR or not is_active:
        keep_an_administrator(without=[user_id])
    user = User.objects.select_for_update().get(pk=user_id)
    if role != role_of(user):
        _set_role(user, role)
    user.is_active = is_active
    user.save(update_fields=["is_staff", "is_superuser", "is_active"])


def keep_an_administrator(*, without: Collection[int]) -> None:
    """Raises LastAdministrator if these accounts are all that administer.

    Takes a transaction, and holds the administrators to its end, so that of two who close each other's account one
    is refused.
    """
    left = set(administrators().select_for_update().order_by("pk").values_list("pk", flat=True))
    if left and left <= set(without):
        raise LastAdministrator


def let_in_again(user: User) -> None:
    """Forgets wrong passwords, for somebody who has just been given a new one."""
    reset(username=user.get_username())


def one_time_path(user: User) -> str:
    """The address under which this person chooses a password.

    It is worth nothing once a password was chosen or the person signed in, or after PASSWORD_RESET_TIMEOUT. Nothing
    is kept of it: it is signed with what changes then.
    """
    key = urlsafe_base64_encode(force_bytes(user.pk))
    return reverse("site:password_choose", args=[key, default_token_generator.make_token(user)])


def _set_role(user: User, role: str) -> None:
    user.is_staff = user.is_superuser = role == Role.ADMINISTRATOR
