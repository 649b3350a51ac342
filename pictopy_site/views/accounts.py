"""Accounts of the household, for administrators; and the page where somebody chooses a password with a link."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import views as auth_views
from django.contrib.auth.forms import SetPasswordForm
from django.contrib.auth.models import User
from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.urls import reverse, reverse_lazy
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_safe

from gallery.access import get_or_404
from gallery.views import MemberRequest, SeeOther
from pictopy_site import accounts
from pictopy_site.forms import AccountForm, AddAccountForm
from pictopy_site.middleware import is_this_machine
from pictopy_site.views import link_is_over


def _require_may_manage(request: MemberRequest) -> None:
    if not accounts.may_manage(request.user):
        raise Http404


def _account(request: MemberRequest, account_id: int) -> User:
    _require_may_manage(request)
    return get_or_404(accounts.accounts(), pk=account_id)


def _somebody_else(request: MemberRequest, account_id: int) -> User:
    """Somebody whose password an administrator may set. One's own is changed on the page for it, with the old one."""
    _require_may_manage(request)
    return get_or_404(accounts.accounts().filter(is_active=True).exclude(pk=request.user.pk), pk=account_id)


@require_safe
def account_list(request: MemberRequest) -> HttpResponse:
    """Everybody who can or could sign in."""
    _require_may_manage(request)
    return render(request, "site/account_list.html", {"accounts": accounts.accounts()})


@sensitive_post_parameters()
@require_http_methods(["GET", "POST"])
def account_add(request: MemberRequest) -> HttpResponse:
    """A name, a role, and a password or else a link with which they choose one."""
    _require_may_manage(request)
    form = AddAccountForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        name, password = form.cleaned_data["username"], form.cleaned_data["password1"]
        try:
            account = accounts.add_account(username=name, role=form.cleaned_data["role"], password=password)
        except accounts.NameTaken:
            form.add_error("username", "This name is taken.")
        else:
            if not password:
                return SeeOther(reverse("site:account_link", args=[account.pk]))
            messages.success(request, f"{name} can sign in now, with the password that you chose.")
            return SeeOther(reverse("site:account_list"))
    return render(request, "site/account_add.html", {"form": form}, status=422 if request.method == "POST" else 200)


@require_http_methods(["GET", "POST"])
def account_edit(request: MemberRequest, account_id: int) -> HttpResponse:
    """Role, whether the account is open, and the ways to a new password."""
    account = _account(request, account_id)
    initial = {"role": accounts.role_of(account), "is_active": account.is_active}
    form = AccountForm(request.POST if request.method == "POST" else None, initial=initial)
    if request.method == "POST" and form.is_valid():
        try:
            accounts.change_account(account.pk, **form.cleaned_data)
        except accounts.LastAdministrator as refusal:
            form.add_error(None, str(refusal))
        else:
            messages.success(request, f"The account {account.get_username()} was changed.")
            # Somebody may have taken their own rights away.
            request.user.refresh_from_db()
            may_manage = accounts.may_manage(request.user)
            return SeeOther(reverse("site:account_list" if may_manage else "gallery:timeline"))
    context = {"account": account, "form": form}
    return render(request, "site/account_edit.html", context, status=422 if request.method == "POST" else 200)


@sensitive_post_parameters()
@require_http_methods(["GET", "POST"])
def account_password(request: MemberRequest, account_id: int) -> HttpResponse:
    """A new password for somebody who lost theirs; it signs them out everywhere."""
    account = _somebody_else(request, account_id)
    form = SetPasswordForm(account, request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        form.save()
        accounts.let_in_again(account)
        messages.success(request, f"{account.get_username()} has a new password, the one that you chose.")
        return SeeOther(reverse("site:account_list"))
    context = {"account": account, "form": form}
    return render(request, "site/account_password.html", context, status=422 if request.method == "POST" else 200)


@require_safe
def account_link(request: MemberRequest, account_id: int) -> HttpResponse:
    """Shows a one-time link. Making it changes nothing: it is signed, not kept."""
    account = _somebody_else(request, account_id)
    link = request.build_absolute_uri(accounts.one_time_path(account))
    context = {
        "account": account,
        "link": link,
        "days": settings.PASSWORD_RESET_TIMEOUT // 86_400,
        "is_local": is_this_machine(request.get_host()),
    }
    return render(request, "site/account_link.html", context)


class ChoosePasswordView(auth_views.PasswordResetConfirmView):
    """Django's page behind a one-time link: chooses a password and signs in with it."""

    template_name = "site/choose_password.html"
    post_reset_login = True
    post_reset_login_backend = "django.contrib.auth.backends.ModelBackend"
    success_url = reverse_lazy("gallery:timeline")

    def get_user(self, uidb64: str) -> Any:
        user = super().get_user(uidb64)
        return user if user is not None and user.is_active else None

    def form_valid(self, form: SetPasswordForm[User]) -> HttpResponse:
        accounts.let_in_again(form.user)
        messages.success(self.request, f"Welcome, {form.user.get_username()}. This is your password from now on.")
        return super().form_valid(form)

    def form_invalid(self, form: SetPasswordForm[User]) -> HttpResponse:
        response: HttpResponse = super().form_invalid(form)
        response.status_code = 422
        return response

    def render_to_response(self, context: dict[str, Any], **kwargs: Any) -> HttpResponse:
        if not self.validlink:
            return link_is_over(self.request, "Or ask an administrator for a new one.")
        return super().render_to_response(context, **kwargs)


choose_password = ChoosePasswordView.as_view()
