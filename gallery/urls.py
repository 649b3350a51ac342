"""Addresses of the gallery. docs/architecture.md holds the table of all."""

from django.urls import path, register_converter

from gallery.views import (
    changes,
    doctor,
    duplicates,
    favourites,
    libraries,
    media,
    photos,
    places,
    reviews,
    search,
    things,
    timeline,
    trash,
    uploads,
)


class ThumbnailSize:
    """One of the sizes that are kept."""

    regex = "small|medium|large"

    def to_python(self, value: str) -> str:
        return value

    def to_url(self, value: str) -> str:
        return value


class Digest12:
    """The first twelve hex digits of a content hash."""

    regex = "[0-9a-f]{12}"

    def to_python(self, value: str) -> str:
        return value

    def to_url(self, value: str) -> str:
        return value[:12]


register_converter(ThumbnailSize, "thumbnail_size")
register_converter(Digest12, "digest12")

app_name = "gallery"
urlpatterns = [
    path("", timeline.timeline, name="timeline"),
    path("months/<int:number>/", timeline.timeline_month, name="timeline_month"),
    path("photos/<int:photo_id>/", photos.photo_detail, name="photo_detail"),
    path("photos/<int:photo_id>/edit/", changes.photo_edit, name="photo_edit"),
    path("photos/edit/", changes.photos_edit, name="photos_edit"),
    path("photos/clock/", changes.clock_form, name="clock"),
    path("photos/clock/preview/", changes.clock_preview, name="clock_preview"),
    path("changes/", changes.change_list, name="change_list"),
    path("changes/<int:change_id>/undo/", changes.change_undo, name="change_undo"),
    path("places/", places.place_list_page, name="place_list"),
    path("places/cities/", places.city_choices, name="city_choices"),
    path("photos/<int:photo_id>/favourite/", favourites.photo_favourite, name="photo_favourite"),
    path("photos/<int:photo_id>/film/", photos.photo_film, name="photo_film_state"),
    path("photos/<int:photo_id>/retry/", libraries.photo_retry, name="photo_retry"),
    path(
        "media/<int:photo_id>/<thumbnail_size:size>-<digest12:digest>.jpg",
        media.photo_thumbnail,
        name="photo_thumbnail",
    ),
    path("media/<int:photo_id>/film-<digest12:digest>.mp4", media.photo_film, name="photo_film"),
    path("media/<int:photo_id>/motion/", media.photo_motion, name="photo_motion"),
    path("media/<int:photo_id>/original/", media.photo_original, name="photo_original"),
    path("favourites/", favourites.favourite_list, name="favourite_list"),
    path("favourites/add/", favourites.favourite_add, name="favourite_add"),
    path("things/", things.thing_list, name="thing_list"),
    path("things/<slug:slug>/", things.thing_detail, name="thing_detail"),
    path("search/", search.search, name="search"),
    path("libraries/", libraries.library_list, name="library_list"),
    path("libraries/add/", libraries.library_add, name="library_add"),
    path("libraries/add/uploads/", libraries.upload_library_add, name="upload_library_add"),
    path("libraries/<int:library_id>/", libraries.library_detail, name="library_detail"),
    path("libraries/<int:library_id>/edit/", libraries.library_edit, name="library_edit"),
    path("libraries/<int:library_id>/remove/", libraries.library_remove, name="library_remove"),
    path("libraries/<int:library_id>/scan/", libraries.library_scan, name="library_scan"),
    path("libraries/<int:library_id>/retry/", libraries.library_retry, name="library_retry"),
    path("libraries/<int:library_id>/accept/", reviews.library_accept, name="library_accept"),
    path("libraries/<int:library_id>/review/", reviews.library_review, name="library_review"),
    path("libraries/<int:library_id>/missing/", reviews.library_missing, name="library_missing"),
    path("libraries/<int:library_id>/forget/", reviews.library_forget, name="library_forget"),
    path("doctor/", doctor.doctor, name="doctor"),
    path("doctor/look/", doctor.doctor_look, name="doctor_look"),
    path("doctor/fix/", doctor.doctor_fix, name="doctor_fix"),
    path("uploads/", uploads.upload_list, name="upload_list"),
    path("uploads/check/", uploads.upload_check, name="upload_check"),
    path("uploads/form/", uploads.upload_form, name="upload_form"),
    path("uploads/<uuid:upload_id>/", uploads.upload_detail, name="upload_detail"),
    path("uploads/<uuid:upload_id>/cancel/", uploads.upload_cancel, name="upload_cancel"),
    path("duplicates/", duplicates.duplicate_list, name="duplicate_list"),
    path("duplicates/decided/", duplicates.duplicate_decided, name="duplicate_decided"),
    path("duplicates/all/", duplicates.duplicate_all, name="duplicate_all"),
    path("duplicates/undo/", duplicates.duplicate_undo_all, name="duplicate_undo_all"),
    path("duplicates/<int:group_id>/decide/", duplicates.duplicate_decide, name="duplicate_decide"),
    path("duplicates/<int:group_id>/undo/", duplicates.duplicate_undo, name="duplicate_undo"),
    path("trash/", trash.trash_list, name="trash_list"),
    path("trash/add/", trash.trash_add, name="trash_add"),
    path("trash/restore/", trash.trash_restore, name="trash_restore"),
    path("trash/delete/", trash.trash_delete, name="trash_delete"),
]
