"""The administration has no doors of its own: it uses PictoPy's, which count wrong passwords and clean up behind."""

from __future__ import annotations

from typing import Any

from django.contrib.admin import AdminSite
from django.http import HttpRequest
from django.shortcuts import redirect


class Administration(AdminSite):
    def password_change(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        return redirect("site:password")

    def logout(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        from pictopy_site import views

        return views.logout(request)
