"""Addresses of faces and people. docs/architecture.md holds the table of all."""

from django.urls import path

from faces.views import faces, find, people, pictures, suggestions

app_name = "faces"

urlpatterns = [
    path("people/", people.person_list, name="person_list"),
    path("people/find/", find.person_find, name="person_find"),
    path("people/<int:person_id>/", people.person_detail, name="person_detail"),
    path("people/<int:person_id>/faces/", people.person_faces, name="person_faces"),
    path("people/<int:person_id>/rename/", people.person_rename, name="person_rename"),
    path("people/<int:person_id>/hide/", people.person_hide, name="person_hide"),
    path("people/suggestions/<int:cluster_id>/", suggestions.cluster_detail, name="cluster_detail"),
    path("people/suggestions/<int:cluster_id>/name/", suggestions.cluster_name, name="cluster_name"),
    path("people/events/<int:event_id>/undo/", people.event_undo, name="event_undo"),
    path("faces/<int:face_id>/name/", faces.face_name, name="face_name"),
    path("faces/<int:face_id>/refuse/", faces.face_refuse, name="face_refuse"),
    path("faces/<int:face_id>/dismiss/", faces.face_dismiss, name="face_dismiss"),
    path("faces/<int:face_id>/cover/", faces.face_cover, name="face_cover"),
    path("media/faces/<int:face_id>-<slug:version>.jpg", pictures.face_crop, name="face_crop"),
]
