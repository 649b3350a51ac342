"""Sign-in, the welcome link, and the pages for what went wrong."""

from __future__ import annotations

from typing import Any

from axes.handlers.proxy import AxesProxyHandler
from axes.helpers import get_lockout_response
from django.conf import settings
from django.contrib import messages
from django.contrib.auth import login
from django.contrib.auth import views as auth_views
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.forms import AuthenticationForm, PasswordChangeForm
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.template.loader import render_to_string
from django.urls import reverse_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_safe

from pictopy_site import welcome as welcome_links
from pictopy_site.forms import FirstAdministratorForm, SignInForm


@login_not_required
@require_safe
@never_cache
def health(request: HttpRequest) -> HttpResponse:
    """For whatever watches over the server: it answers. Says nothing else to anybody."""
    return HttpResponse("ok", content_type="text/plain")


class LoginView(auth_views.LoginView):
    """Django's sign-in; wrong passwords are counted by django-axes."""

    template_name = "site/login.html"
    authentication_form = SignInForm
    redirect_authenticated_user = True

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return super().get_context_data(**kwargs) | {"nobody_yet": not welcome_links.has_administrator()}

    def form_invalid(self, form: AuthenticationForm) -> HttpResponse:
        response: HttpResponse = super().form_invalid(form)
        response.status_code = 422
        return response


class LogoutView(auth_views.LogoutView):
    """Signs out, and has the browser forget the pictures it kept (where it may: over HTTPS and on this machine)."""

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        response: HttpResponse = super().post(request, *args, **kwargs)
        response["Clear-Site-Data"] = '"cache"'
        return response


class PasswordView(auth_views.PasswordChangeView):
    """Changing one's own password; other devices are signed out, this one stays.

    A wrong old password counts like one at sign-in: somebody at a screen that was left open may try as often as there.
    """

    template_name = "site/password.html"
    success_url = reverse_lazy("gallery:timeline")

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if not AxesProxyHandler.is_allowed(request, self._credentials()):
            response: HttpResponse = get_lockout_response(request, credentials=self._credentials())
            return response
        return super().post(request, *args, **kwargs)

    def _credentials(self) -> dict[str, str]:
        return {"username": self.request.user.get_username()}

    def form_valid(self, form: PasswordChangeForm) -> HttpResponse:
        messages.success(self.request, "Your password was changed.")
        return super().form_valid(form)

    def form_invalid(self, form: PasswordChangeForm) -> HttpResponse:
        if self.request.POST.get("old_password") and "old_password" in form.errors:
            AxesProxyHandler.user_login_failed(PasswordView, self._credentials(), self.request)
        response: HttpResponse = super().form_invalid(form)
        response.status_code = 422
        return response


@login_not_required
@never_cache
@sensitive_post_parameters()
@require_http_methods(["GET", "POST"])
def welcome(request: HttpRequest, token: str) -> HttpResponse:
    """Makes the first administrator and signs them in. The link works once; afterwards it leads to the sign-in."""
    data_dir = settings.PICTOPY.data_dir
    if not welcome_links.is_valid(data_dir, token):
        return _welcome_is_over(request)
    form = FirstAdministratorForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            user = welcome_links.create_administrator(
                data_dir, username=form.cleaned_data["username"], password=form.cleaned_data["password1"]
            )
        except welcome_links.LinkUsed:
            return _welcome_is_over(request)
        login(request, user, backend="django.contrib.auth.backends.ModelBackend")
        messages.success(request, f"Welcome, {user.get_username()}. You administer this PictoPy.")
        return redirect(settings.LOGIN_REDIRECT_URL)
    return render(request, "site/welcome.html", {"form": form}, status=422 if request.method == "POST" else 200)


def _welcome_is_over(request: HttpRequest) -> HttpResponse:
    if welcome_links.has_administrator():
        return link_is_over(request)
    return link_is_over(request, "PictoPy prints a new one whenever it starts; the last one printed works.")


def link_is_over(request: HttpRequest, otherwise: str = "") -> HttpResponse:
    """404 for a link that works no more, or never did: nobody is told which. `otherwise`: what helps but signing in."""
    return render(request, "site/link_is_over.html", {"otherwise": otherwise}, status=404)


@login_not_required
def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """404, for what is not there and for what is not allowed alike."""
    return render(request, "site/not_found.html", status=404)


@login_not_required
def forbidden(request: HttpRequest, exception: Exception | None = None, reason: str = "") -> HttpResponse:
    """403; mostly a form that was open longer than its cookie."""
    return render(request, "site/forbidden.html", status=403)


@login_not_required
def server_error(request: HttpRequest) -> HttpResponse:
    """500: rendered without the request, since anything about it may be what is broken."""
    return HttpResponse(render_to_string("site/server_error.html"), status=500)


login_page = LoginView.as_view()
password_page = PasswordView.as_view()
logout = LogoutView.as_view()
