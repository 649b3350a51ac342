"""All addresses of the application."""

from django.contrib import admin
from django.urls import include, path, re_path

from pictopy_site import views
from pictopy_site.views import accounts

site_urls = (
    [
        path("login/", views.login_page, name="login"),
        path("logout/", views.logout, name="logout"),
        path("password/", views.password_page, name="password"),
        path("password/<str:uidb64>/<str:token>/", accounts.choose_password, name="password_choose"),
        path("accounts/", accounts.account_list, name="account_list"),
        path("accounts/add/", accounts.account_add, name="account_add"),
        path("accounts/<int:account_id>/", accounts.account_edit, name="account_edit"),
        path("accounts/<int:account_id>/password/", accounts.account_password, name="account_password"),
        path("accounts/<int:account_id>/link/", accounts.account_link, name="account_link"),
        path("welcome/<str:token>/", views.welcome, name="welcome"),
        path("health/", views.health, name="health"),
    ],
    "site",
)

# Django's own page behind `r/` tells of every row, also of other people's private ones, whether it exists.
no_view_on_site = re_path("^r/", views.not_found, {"exception": None})

urlpatterns = [
    path("", include(site_urls)),
    path("", include("gallery.urls")),
    path("", include("faces.urls")),
    path("", include("albums.urls")),
    path("admin/", ([no_view_on_site, *admin.site.urls[0]], *admin.site.urls[1:])),
]

handler403 = "pictopy_site.views.forbidden"
handler404 = "pictopy_site.views.not_found"
handler500 = "pictopy_site.views.server_error"
