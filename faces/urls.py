"""Addresses of faces and people. docs/architecture.md holds the table of all."""

from django.urls import path

from faces.views import (
    faces,
    find,
    journal,
    merging,
    people,
    pictures,
    questions,
    selections,
    splitting,
    suggestions,
    why,
)

app_name = "faces"

urlpatterns = [
    path("people/", people.person_list, name="person_list"),
    path("people/find/", find.person_find, name="person_find"),
    path("people/<int:person_id>/", people.person_detail, name="person_detail"),
    path("people/<int:person_id>/faces/", people.person_faces, name="person_faces"),
    path("people/<int:person_id>/rename/", people.person_rename, name="person_rename"),
    path("people/<int:person_id>/hide/", people.person_hide, name="person_hide"),
    path("people/<int:person_id>/merge/", merging.person_merge, name="person_merge"),
    path("people/<int:person_id>/split/", splitting.person_split, name="person_split"),
    path("people/journal/", journal.journal_page, name="journal"),
    path("people/strangers/", journal.stranger_list, name="stranger_list"),
    path("people/suggestions/<int:cluster_id>/", suggestions.cluster_detail, name="cluster_detail"),
    path("people/suggestions/<int:cluster_id>/name/", suggestions.cluster_name, name="cluster_name"),
    path("people/suggestions/<int:cluster_id>/split/", splitting.cluster_split, name="cluster_split"),
    path("people/suggestions/<int:cluster_id>/ignore/", selections.cluster_ignore, name="cluster_ignore"),
    path("people/questions/", questions.question_list, name="question_list"),
    path("people/questions/count/", questions.question_count, name="question_count"),
    path("people/questions/answer/", questions.question_answer, name="question_answer"),
    path("people/events/<int:event_id>/undo/", people.event_undo, name="event_undo"),
    path("faces/name/", selections.faces_name, name="faces_name"),
    path("faces/confirm/", selections.faces_confirm, name="faces_confirm"),
    path("faces/refuse/", selections.faces_refuse, name="faces_refuse"),
    path("faces/ignore/", selections.faces_ignore, name="faces_ignore"),
    path("faces/dismiss/", selections.faces_dismiss, name="faces_dismiss"),
    path("faces/restore/", selections.faces_restore, name="faces_restore"),
    path("faces/<int:face_id>/name/", faces.face_name, name="face_name"),
    path("faces/<int:face_id>/why/", why.face_why, name="face_why"),
    path("faces/<int:face_id>/pair/", why.face_pair, name="face_pair"),
    path("faces/<int:face_id>/refuse/", faces.face_refuse, name="face_refuse"),
    path("faces/<int:face_id>/dismiss/", faces.face_dismiss, name="face_dismiss"),
    path("faces/<int:face_id>/cover/", faces.face_cover, name="face_cover"),
    path("media/faces/<int:face_id>-<slug:version>.jpg", pictures.face_crop, name="face_crop"),
]
