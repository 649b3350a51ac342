"""Addresses of albums."""

from django.urls import path

from albums.views import albums, items

app_name = "albums"

urlpatterns = [
    path("albums/", albums.album_list, name="album_list"),
    path("albums/new/", albums.album_add, name="album_add"),
    path("albums/chooser/", items.album_chooser, name="album_chooser"),
    path("albums/items/add/", items.item_add, name="item_add"),
    path("albums/<int:album_id>/", albums.album_detail, name="album_detail"),
    path("albums/<int:album_id>/edit/", albums.album_edit, name="album_edit"),
    path("albums/<int:album_id>/delete/", albums.album_delete, name="album_delete"),
    path("albums/<int:album_id>/restore/", albums.album_restore, name="album_restore"),
    path("albums/<int:album_id>/cover/", items.album_cover, name="album_cover"),
    path("albums/<int:album_id>/move/", items.item_move, name="item_move"),
    path("albums/<int:album_id>/remove/", items.item_remove, name="item_remove"),
]
