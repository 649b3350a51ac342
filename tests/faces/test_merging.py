"""Two people who are one: what merging does to faces, refusals and names, and how far it can be taken apart again."""

from __future__ import annotations

import datetime as dt

import pytest
from django.contrib.auth.models import User
from django.test import Client

from faces import marked, services, undo
from faces.access import get_event, survivor
from faces.models import Event, Face, FacePair, MarkedName, Person, Refusal
from gallery.doctor.registry import Look
from tests.faces.conftest import House
from tests.factories import PersonFactory, PhotoFactory


def row(face: Face) -> tuple[str | None, bool]:
    face = Face.objects.select_related("person").get(pk=face.pk)
    return (face.person.name if face.person else None), face.is_confirmed


def everything() -> tuple[object, ...]:
    """All that decisions change."""
    return (
        list(Person.objects.order_by("pk").values_list("pk", "name", "cover", "hidden", "birth_date", "merged_into")),
        list(Face.objects.order_by("pk").values_list("pk", "person", "state", "is_confirmed", "decided_by")),
        sorted(Refusal.objects.values_list("face", "person", "decided_by")),
        sorted(MarkedName.objects.values_list("photo", "name", "person")),
    )


@pytest.fixture
def berta(house: House) -> Person:
    """Two confirmed faces, a guess, a picture and a birthday."""
    person: Person = PersonFactory(name="Berta", birth_date=dt.date(1950, 3, 1))
    sure = house.faces(5, 2, person=person, state="assigned", is_confirmed=True)
    house.face(5, person=person, state="assigned")
    Person.objects.filter(pk=person.pk).update(cover=sure[0])
    person.refresh_from_db()
    return person


def sure(person: Person) -> list[Face]:
    return list(person.faces.filter(is_confirmed=True).order_by("pk"))


def test_all_faces_move_and_everything_can_be_taken_back(
    owner: User, house: House, anna: Person, berta: Person
) -> None:
    anna_s, berta_s = sure(anna)[0], sure(berta)[0]
    refused = house.face(9)
    Refusal.objects.create(face=refused, person=berta, decided_by=owner)
    Refusal.objects.create(face=berta_s, person=anna, decided_by=owner)
    Refusal.objects.create(face=anna_s, person=berta, decided_by=owner)
    guess = house.face(5, photo=anna_s.photo, person=berta, state="assigned", x=0.8)
    of_both = house.face(1, person=anna, state="assigned")
    Refusal.objects.create(face=of_both, person=berta)
    MarkedName.objects.create(photo=berta_s.photo, name="berta", face=berta_s, person=berta)
    before = everything()
    merged = services.merge_people(anna, [berta], owner)
    assert (merged.person.birth_date, merged.person.cover) == (dt.date(1950, 3, 1), berta_s)
    assert not berta.faces.exists()
    assert row(berta_s) == ("Anna", True)
    assert row(guess) == (None, False), "beside a confirmed face"
    assert row(of_both) == (None, False), "known not to be Berta"
    assert set(Refusal.objects.filter(person=anna).values_list("face", flat=True)) == {refused.pk, of_both.pk}
    assert MarkedName.objects.get().person == anna
    assert undo.undo_event(get_event(owner, merged.event.pk), owner) == []
    assert everything() == before
    assert Event.objects.get().undone_by == owner


def test_a_date_of_birth_that_only_some_may_know_is_not_told_by_a_merge(
    owner: User, house: House, anna: Person
) -> None:
    def hidden(day: int) -> Person:
        person: Person = PersonFactory(birth_date=dt.date(1980, 2, day) if day else None)
        house.face(10 + day, person=person, state="assigned", is_confirmed=True, is_private=True)
        return person

    assert services.merge_people(anna, [hidden(1)], owner).person.birth_date is None, "the household sees Anna"
    assert services.merge_people(hidden(0), [hidden(2)], owner).person.birth_date == dt.date(1980, 2, 2)
    known = hidden(3)
    house.face(13, person=known, state="assigned")
    merged = services.merge_people(anna, [known], owner)
    assert merged.person.birth_date == dt.date(1980, 2, 3), "the household sees both"
    undo.undo_event(merged.event, owner)
    assert not Person.objects.filter(pk=anna.pk, birth_date__isnull=False).exists()


def test_what_was_decided_since_stays(owner: User, member: User, anna: Person, berta: Person, house: House) -> None:
    merged = services.merge_people(anna, [berta], owner)
    first, second = sure(anna)[-2:]
    guess = anna.faces.filter(is_confirmed=False).last()
    assert guess
    services.confirm_faces([guess.pk], anna, member)
    services.name_face(first, "Tom", member)
    new = house.face(5, person=anna, state="assigned", is_confirmed=True)
    assert undo.undo_event(merged.event, owner) == ["Somebody decided about 2 faces since, and they stay as they are."]
    assert [row(face) for face in (first, second, guess, new)] == [
        ("Tom", True),
        ("Berta", True),
        ("Anna", True),
        ("Anna", True),
    ]


def test_a_merge_into_somebody_who_was_merged_waits_until_that_is_taken_back(
    owner: User, anna: Person, berta: Person, house: House
) -> None:
    cleo = PersonFactory(name="Cleo")
    house.face(6, person=cleo, state="assigned", is_confirmed=True)
    start = everything()
    first = services.merge_people(anna, [berta], owner)
    named = services.rename_person(anna, "Anne", owner)
    second = services.merge_people(cleo, [anna], owner)
    assert survivor(owner, berta.pk) == survivor(owner, anna.pk) == cleo
    assert named
    for event in (first.event, named):
        with pytest.raises(undo.SomethingFirst, match="Anne was found to be Cleo since"):
            undo.undo_event(get_event(owner, event.pk), owner)
        event.refresh_from_db()
        assert event.undone_at is None
    for event in (second.event, named, first.event):
        assert undo.undo_event(event, owner) == []
    assert everything() == start


def test_merging_crosswise_makes_no_circle(owner: User, member: User, anna: Person, berta: Person) -> None:
    services.merge_people(anna, [berta], owner)
    with pytest.raises(services.MergedBefore, match="Berta was merged with somebody in the meantime"):
        services.merge_people(berta, [anna], member)


def test_an_undone_naming_keeps_whoever_others_were_merged_into(owner: User, house: House, berta: Person) -> None:
    named = services.name_face(house.face(7), "Nora", owner)
    merged = services.merge_people(named.person, [berta], owner)
    for face in sure(named.person):
        services.set_no_face(face, owner)
    assert undo.undo_event(named.event, owner) == [
        "One face was changed or deleted since, and stays as it is.",
        "Nora stays: somebody else was found to be Nora since.",
    ]
    undo.undo_event(merged.event, owner)
    assert Person.objects.filter(pk=berta.pk, merged_into=None).exists()


def test_the_old_name_asks_and_brings_nobody_back(owner: User, house: House, anna: Person, berta: Person) -> None:
    services.merge_people(anna, [berta], owner)
    face = house.face(5)
    with pytest.raises(services.SameName) as asked:
        services.name_face(face, "berta", owner)
    assert asked.value.people == [anna]
    assert services.name_face(face, "Berta", owner, is_someone_else=True).person not in (anna, berta)


def test_the_question_about_an_old_name_says_whose_it_was(
    owner: User, owner_client: Client, house: House, anna: Person, berta: Person
) -> None:
    services.merge_people(anna, [berta], owner)
    asked = owner_client.post(f"/faces/{house.face(9).pk}/name/", {"name": "berta"})
    assert asked.status_code == 422
    assert "berta was found to be Anna. Is this Anna, too?" in asked.content.decode()
    assert "Is this the Anna you know?" not in asked.content.decode()
    form = asked.content.decode().partition('class="name-face"')[2].partition("</form>")[0]
    assert form.count("autofocus") == 1, "on what answers, not on the name"


def test_names_in_files_go_to_whom_a_person_was_merged_into(
    owner: User, house: House, anna: Person, berta: Person
) -> None:
    services.merge_people(anna, [berta], owner)
    known = marked._people_known_to(None, {"berta"})
    assert known.by_key == {"berta": [anna.pk]}
    hidden = PersonFactory(name="Hidden")
    house.face(8, person=hidden, state="assigned", is_private=True)
    services.merge_people(anna, [hidden], owner)
    assert marked._people_known_to(None, {"hidden"}).by_key == {}, "a name that the household never saw"
    assert marked._people_known_to(owner.pk, {"hidden"}).by_key == {"hidden": [anna.pk]}


def test_the_page_of_who_was_merged_leads_on_if_one_saw_them(
    owner: User, owner_client: Client, member_client: Client, anna: Person, berta: Person, secret: Person
) -> None:
    services.merge_people(anna, [berta, secret], owner)
    for client in (owner_client, member_client):
        for page in ("", "faces/"):
            response = client.get(f"/people/{berta.pk}/{page}")
            assert (response.status_code, response["Location"]) == (302, f"/people/{anna.pk}/{page}")
    assert owner_client.get(f"/people/{secret.pk}/").status_code == 302
    assert member_client.get(f"/people/{secret.pk}/").status_code == 404
    assert member_client.post(f"/people/{berta.pk}/rename/", {"name": "X"}).status_code == 404


def test_two_confirmed_faces_of_a_photo_stay_and_are_told(
    owner: User, anna: Person, berta: Person, house: House
) -> None:
    twice = house.face(5, photo=sure(anna)[0].photo, person=berta, state="assigned", is_confirmed=True, x=0.8)
    merged = services.merge_people(anna, [berta], owner)
    assert merged.remarks == ["In one photo two faces are Anna now."]
    assert row(twice) == ("Anna", True)


def test_the_doctor_sends_faces_after_a_merged_person(owner: User, anna: Person, berta: Person, house: House) -> None:
    from faces import doctor

    services.merge_people(anna, [berta], owner)
    left = house.face(5, photo=PhotoFactory(library=house.library), person=berta, state="assigned")
    assert doctor.find_revenants(Look()).count == 1
    doctor.fix_revenants(Look())
    assert row(left) == ("Anna", False)


def test_never_these_two_holds_for_guesses_and_is_told_of_confirmed_faces(
    owner: User, anna: Person, berta: Person, house: House
) -> None:
    (anna_s, *_), (berta_s, *_) = sure(anna), sure(berta)
    guess = berta.faces.get(is_confirmed=False)
    for other in (berta_s, guess):
        FacePair.objects.create(one=anna_s, other=other, is_same=False)
    before = everything()
    merged = services.merge_people(anna, [berta], owner)
    assert row(guess) == (None, False)
    assert row(berta_s) == ("Anna", True)
    assert merged.remarks == ["Somebody said before that some of these faces are never one person."]
    assert undo.undo_event(merged.event, owner) == []
    assert everything() == before
    moved = services.move_faces([guess.pk, sure(berta)[1].pk], anna, owner)
    assert moved.remarks == ["One face stays as before, because somebody said before that it is not Anna."]


def test_it_is_said_when_a_private_person_is_known_to_the_house_from_now_on(
    owner: User, house: House, anna: Person
) -> None:
    own: Person = PersonFactory(name="Dora", birth_date=dt.date(1999, 9, 9))
    house.face(7, person=own, state="assigned", is_confirmed=True, is_private=True)
    merged = services.merge_people(own, [anna], owner)
    assert merged.remarks == ["Everybody in the house reads the name and the date of birth of Dora now."]
    undo.undo_event(merged.event, owner)
    assert services.merge_people(anna, [own], owner).remarks == []
