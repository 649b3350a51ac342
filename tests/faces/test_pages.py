"""Pages of people: what they show, to whom, with how many queries, and what their forms do."""

from __future__ import annotations

import datetime as dt

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from faces import access, people, services, suggestions
from faces.models import Cluster, Clustering, Event, Face, Person
from gallery import alt_text, search_set
from gallery.models import Photo
from tests.faces.conftest import MODEL, House
from tests.factories import ClusterFactory, PersonFactory, PhotoFactory

PEOPLE = "/people/"
HTMX = {"HX-Request": "true"}


def text(client: Client, url: str, status: int = 200) -> str:
    response = client.get(url)
    assert response.status_code == status, url
    return response.content.decode()


def queries(client: Client, url: str) -> int:
    client.get(url)
    with CaptureQueriesContext(connection) as captured:
        assert client.get(url).status_code == 200
    return len(captured)


# ---- What is shown, and to whom


@pytest.mark.slow
def test_people_and_counts_are_those_of_the_photos_one_sees(
    owner_client: Client, member_client: Client, anna: Person, secret: Person
) -> None:
    assert "Secret Santa" in text(owner_client, PEOPLE)
    assert "5 photos" in text(owner_client, PEOPLE)
    assert "Secret Santa" not in text(member_client, PEOPLE)
    assert "3 photos" in text(member_client, PEOPLE)


def test_two_faces_of_a_person_in_one_photo_are_one_photo(member_client: Client, anna: Person, house: House) -> None:
    photo = Photo.objects.filter(library=house.library).first()
    house.face(1, photo=photo, person=anna, state="assigned")
    assert "3 photos" in text(member_client, PEOPLE)


def test_suggestions_count_the_faces_one_sees_and_the_largest_comes_first(
    owner_client: Client, member_client: Client, house: House
) -> None:
    small, large = ClusterFactory(size=2), ClusterFactory(size=5)
    house.faces(1, 2, cluster=small)
    house.faces(2, 3, cluster=large)
    house.faces(2, 2, cluster=large, is_private=True)
    page = text(owner_client, PEOPLE)
    assert page.index(f"suggestion_{large.pk}") < page.index(f"suggestion_{small.pk}")
    assert "5 faces" in page
    assert "5 faces" not in text(member_client, PEOPLE)
    assert "3 faces" in text(member_client, PEOPLE)


def test_a_face_that_one_sees_alone_is_no_suggestion_whoever_else_is_in_its_group(
    member: User, member_client: Client, owner: User, house: House, anna: Person
) -> None:
    cluster = ClusterFactory(size=4)
    seen = house.face(8, cluster=cluster)
    house.faces(8, 3, cluster=cluster, is_private=True)
    urls = [f"/people/suggestions/{cluster.pk}/", f"/people/suggestions/{cluster.pk}/split/"]
    assert [member_client.get(url).status_code for url in urls] == [404, 404]
    assert member_client.post(f"{urls[0]}name/", {"name": "Tom"}).status_code == 404
    assert suggestions.suggestion_cards(member).cards == []
    assert [card.face_count for card in suggestions.suggestion_cards(owner).cards] == [4]
    Face.objects.filter(pk=house.face(8, cluster=cluster).pk).update(person=anna, state="assigned", is_confirmed=True)
    assert [(card.cover.id, card.face_count) for card in suggestions.suggestion_cards(member).cards] == [(seen.pk, 1)]
    assert member_client.get(urls[0]).status_code == 200, "of two that one sees the one that was named counts"


def test_suggestions_stand_in_the_order_of_the_faces_one_sees(
    member: User, owner: User, house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(suggestions, "_COUNTED_FIRST", 1)
    seen, hidden = (3, 2, 4, 2, 2, 5), (0, 4, 0, 9, 0, 1)
    clusters = [ClusterFactory(size=count + more) for count, more in zip(seen, hidden, strict=True)]
    for number, cluster in enumerate(clusters):
        house.faces(number, seen[number], cluster=cluster)
        house.faces(number, hidden[number], cluster=cluster, is_private=True)

    def walk(viewer: User) -> list[int]:
        found: list[int] = []
        place = None
        while place or not found:
            cards = suggestions.suggestion_cards(viewer, after=place, size=2)
            found += [card.id for card in cards.cards]
            place = cards.next_after
        return [clusters.index(Cluster.objects.get(pk=pk)) for pk in found]

    assert walk(member) == [5, 2, 0, 1, 3, 4]
    assert walk(owner) == [3, 1, 5, 2, 0, 4]


def test_the_cover_is_the_chosen_face_if_one_sees_it(owner: User, member: User, house: House) -> None:
    anna = PersonFactory()
    house.face(1, person=anna, state="assigned", quality=0.5)
    best = house.face(1, person=anna, state="assigned", quality=0.9)
    chosen = house.face(1, person=anna, state="assigned", quality=0.4, is_private=True)
    anna.cover = chosen
    anna.save()
    assert people.person_covers(owner, [anna.pk])[anna.pk].id == chosen.pk
    assert people.person_covers(member, [anna.pk])[anna.pk].id == best.pk


def test_a_cover_that_is_not_the_persons_face_any_more_is_not_used(owner: User, house: House) -> None:
    anna, tom = PersonFactory(), PersonFactory()
    face = house.face(1, person=anna, state="assigned")
    anna.cover = house.face(2, person=tom, state="assigned")
    anna.save()
    assert people.person_covers(owner, [anna.pk])[anna.pk].id == face.pk


def addresses(person: Person, house: House) -> dict[str, str]:
    cluster = ClusterFactory()
    face, _ = house.faces(3, 2, cluster=cluster, is_private=True)
    theirs = Face.objects.filter(person=person).first()
    assert theirs is not None
    return {
        f"/people/{person.pk}/": "GET",
        f"/people/{person.pk}/faces/": "GET",
        f"/people/{person.pk}/rename/": "POST",
        f"/people/{person.pk}/hide/": "POST",
        f"/people/suggestions/{cluster.pk}/": "GET",
        f"/people/suggestions/{cluster.pk}/name/": "POST",
        f"/faces/{theirs.pk}/refuse/": "POST",
        f"/faces/{theirs.pk}/cover/": "POST",
        people.face_thumbs(Face.objects.filter(pk=face.pk))[0].src: "GET",
    }


@pytest.mark.slow
def test_what_one_cannot_see_is_not_there(
    member_client: Client, owner_client: Client, admin_client: Client, secret: Person, house: House
) -> None:
    for url, method in addresses(secret, house).items():
        for client in (member_client, admin_client):
            assert getattr(client, method.lower())(url, {"name": "X"}).status_code == 404, url
    assert not Event.objects.exists()
    assert not Person.objects.filter(name="X").exists()
    for url, method in addresses(secret, house).items():
        if "/media/" not in url:
            assert getattr(owner_client, method.lower())(url, {"name": url}).status_code in {200, 303}, url


def test_nobody_signed_in_sees_the_door(client: Client, secret: Person, house: House) -> None:
    for url, method in {PEOPLE: "GET", **addresses(secret, house)}.items():
        response = getattr(client, method.lower())(url)
        assert response.status_code == 302, url
        assert response["Location"].startswith("/login/")


def test_what_changes_something_is_no_link(owner_client: Client, secret: Person, house: House) -> None:
    for url, method in addresses(secret, house).items():
        if method == "POST":
            # A page that asks is an answer to a POST: loaded again, it leads to what it is about.
            is_asking = url.endswith(("/rename/", "/name/"))
            assert owner_client.get(url).status_code == (303 if is_asking else 405), url
    assert Person.objects.get(pk=secret.pk).name == secret.name


@pytest.mark.parametrize(
    "url", ["/people/999999999999/", "/people/suggestions/9/", "/people/?after=77", "/people/99999999999999999999/"]
)
def test_what_never_was_is_not_there(owner_client: Client, url: str) -> None:
    text(owner_client, url, 404)


@pytest.mark.parametrize("url", ["/people/?suggestions=x", "/people/?suggestions=9-", "/people/?after=x"])
def test_a_place_that_makes_no_sense_is_the_beginning(owner_client: Client, url: str) -> None:
    text(owner_client, url)


def test_one_can_walk_through_all_people_and_all_suggestions(owner: User, owner_client: Client, house: House) -> None:
    for number in range(5):
        house.face(number, person=PersonFactory(name=["b", "A", "a", "C", "a"][number]), state="assigned")
        size = [3, 2, 3, 2, 3][number]
        house.faces(10 + number, size, cluster=ClusterFactory(size=size))
    seen: list[int] = []
    after = None
    while True:
        page = people.person_cards(owner, after=after, size=2)
        seen += [card.id for card in page.cards]
        after = page.next_after
        if after is None:
            break
    assert [Person.objects.get(pk=pk).name.lower() for pk in seen] == ["a", "a", "a", "b", "c"]
    assert len(set(seen)) == 5
    found: list[int] = []
    place = None
    while True:
        cards = suggestions.suggestion_cards(owner, after=place, size=2)
        found += [card.id for card in cards.cards]
        place = cards.next_after
        if place is None:
            break
    assert len(set(found)) == len(found) == 5


def test_all_faces_of_a_person_come_page_by_page_guesses_first(owner: User, house: House) -> None:
    anna = PersonFactory()
    sure = house.faces(1, 3, person=anna, state="assigned", is_confirmed=True, quality=0.9)
    guesses = [house.face(1, person=anna, state="assigned", quality=q) for q in (0.4, 0.7, 0.7)]
    seen: list[int] = []
    after = None
    while True:
        strip = people.person_faces(owner, anna, after=after, size=2)
        seen += [face.id for face in strip.faces]
        after = strip.next_after
        if after is None:
            break
    assert seen == [guesses[1].pk, guesses[2].pk, guesses[0].pk, *(face.pk for face in sure)]


@pytest.mark.slow
def test_twice_the_rows_make_the_same_number_of_queries(owner_client: Client, house: House) -> None:
    first = PersonFactory()
    first_cluster = ClusterFactory(size=10)

    def fill() -> None:
        for number in range(6):
            house.faces(number, 2, person=PersonFactory(), state="assigned")
            house.faces(20 + number, 2, cluster=ClusterFactory(size=2))
            house.face(1, person=first, state="assigned")
            house.face(2, cluster=first_cluster)

    urls = [PEOPLE, f"/people/{first.pk}/", f"/people/{first.pk}/faces/", f"/people/suggestions/{first_cluster.pk}/"]
    urls.append(reverse("gallery:photo_detail", args=[PhotoFactory(library=house.library).pk]))
    fill()
    before = [queries(owner_client, url) for url in urls]
    fill()
    assert [queries(owner_client, url) for url in urls] == before
    assert max(before) <= 20, before


# ---- Empty pages say what to do


def test_without_models_the_page_says_what_is_missing(admin_client: Client, member_client: Client) -> None:
    assert "make models" in text(admin_client, PEOPLE)
    assert "models fetch" not in text(member_client, PEOPLE)


def test_with_models_the_page_says_what_comes_next(
    member_client: Client, monkeypatch: pytest.MonkeyPatch, house: House
) -> None:
    monkeypatch.setattr("faces.analyzer.FacesAnalyzer.waiting_for", lambda self: "")
    assert "at least two photos" in text(member_client, PEOPLE)
    Clustering.objects.create(model=MODEL, wanted=1)
    assert "Comparing faces" in text(member_client, PEOPLE)


# ---- The rest of the house


def test_the_photo_page_names_who_is_in_it(
    owner_client: Client, member_client: Client, anna: Person, house: House
) -> None:
    photo = Photo.objects.filter(faces__person=anna, library=house.library).first()
    assert photo is not None
    cluster = ClusterFactory()
    house.face(8, photo=photo, cluster=cluster, x=0.7)
    house.face(8, cluster=cluster, is_private=True)
    house.face(9, photo=photo, state="not_a_face", x=0.1)
    url = reverse("gallery:photo_detail", args=[photo.pk])
    page = text(owner_client, url)
    assert f'href="/people/{anna.pk}/"' in page
    assert f'href="/people/suggestions/{cluster.pk}/"' in page
    assert "/people/suggestions/" not in text(member_client, url), "for who sees one face it is in no group"
    assert page.count('class="viewer-box face"') == 2


def test_a_photo_can_be_walked_through_within_a_person(owner_client: Client, anna: Person) -> None:
    first, second, *_ = anna.faces.order_by("-photo__sort_at", "-photo__id")
    page = text(owner_client, f"/photos/{first.photo_id}/?in=person:{anna.pk}")
    assert f"/photos/{second.photo_id}/?in=person:{anna.pk}" in page


def test_alternative_texts_name_people_from_left_to_right(owner: User, house: House) -> None:
    photo = PhotoFactory(library=house.library, taken=dt.datetime(2024, 5, 17))
    for x, person in ((0.6, "Tom"), (0.1, "Anna"), (0.8, "Tom")):
        known = Person.objects.filter(name=person).first() or PersonFactory(name=person)
        house.face(1, photo=photo, person=known, state="assigned", x=x)
    house.face(2, photo=photo, person=PersonFactory(name="Nobody", hidden=True), state="assigned")
    assert alt_text.describe([photo], owner)[photo.pk] == "Anna and Tom, 17 May 2024"


def test_search_finds_people_by_name_in_any_case(owner: User, member: User, house: House, anna: Person) -> None:
    oezguer = PersonFactory(name="Özgür Kaya")
    face = house.face(5, person=oezguer, state="assigned")
    assert search_set.known_names(owner, "person") == ["Anna", "Özgür Kaya"]
    facet = search_set._facets["person"]
    photos = Photo.objects.filter(facet.having(owner, "öZGÜR kaya"))
    assert list(photos) == [face.photo]
    assert list(Photo.objects.filter(facet.mentioning(owner, "ÖZG"))) == [face.photo]
    assert not Photo.objects.filter(facet.having(owner, "Özgür")).exists()
    assert not Photo.objects.filter(facet.mentioning(owner, "nobody")).exists()


def test_names_for_the_search_are_those_one_sees(member: User, anna: Person, secret: Person) -> None:
    assert people.person_names(member) == ["Anna"]


def test_one_face_that_somebody_moved_in_private_is_not_in_others_journal(
    house: House, anna: Person, owner: User, admin: User
) -> None:
    """Refusals and "no face" note one face, not a list."""
    seen, unseen = house.face(1), house.face(1, is_private=True)
    Face.objects.filter(pk__in=[seen.pk, unseen.pk]).update(person=anna, state="assigned")
    for face in (seen, unseen):
        face.refresh_from_db()
        services.refuse_face(face, owner)
    first, second = Event.objects.order_by("pk")
    assert list(access.journal_visible_to(admin)) == [first]
    assert set(access.journal_visible_to(owner)) == {first, second}
