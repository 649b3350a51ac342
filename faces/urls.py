"""Addresses of faces and people. docs/architecture.md holds the table of all."""

from django.urls import path

from faces.views import drawing, faces, people, pictures, recognition, suggestions

app_name = "faces"

urlpatterns = [
    path("people/", people.person_list, name="person_list"),
    path("people/<int:person_id>/", people.person_detail, name="person_detail"),
    path("people/<int:person_id>/faces/", people.person_faces, name="person_faces"),
    path("people/<int:person_id>/rename/", people.person_rename, name="person_rename"),
    path("people/<int:person_id>/hide/", people.person_hide, name="person_hide"),
    path("people/recognition/", recognition.recognition, name="recognition"),
    path("people/recognition/try/", recognition.recognition_try, name="recognition_try"),
    path("people/recognition/previews/<int:preview_id>/", recognition.preview_detail, name="preview_detail"),
    path("people/recognition/previews/<int:preview_id>/use/", recognition.preview_use, name="preview_use"),
    path("people/recognition/previews/<int:preview_id>/discard/", recognition.preview_discard, name="preview_discard"),
    path("people/recognition/previews/<int:preview_id>/retry/", recognition.preview_retry, name="preview_retry"),
    path(
        "people/recognition/previews/<int:preview_id>/people/<int:person_id>/",
        recognition.preview_person,
        name="preview_person",
    ),
    path("people/suggestions/<int:cluster_id>/", suggestions.cluster_detail, name="cluster_detail"),
    path("people/suggestions/<int:cluster_id>/name/", suggestions.cluster_name, name="cluster_name"),
    path("people/events/<int:event_id>/undo/", people.event_undo, name="event_undo"),
    path("faces/<int:face_id>/name/", faces.face_name, name="face_name"),
    path("faces/<int:face_id>/refuse/", faces.face_refuse, name="face_refuse"),
    path("faces/<int:face_id>/dismiss/", faces.face_dismiss, name="face_dismiss"),
    path("faces/<int:face_id>/cover/", faces.face_cover, name="face_cover"),
    path("photos/<int:photo_id>/faces/", drawing.face_draw, name="face_draw"),
    path("media/faces/<int:face_id>-<slug:version>.jpg", pictures.face_crop, name="face_crop"),
]
