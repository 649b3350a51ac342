"""Questions about faces: which are asked, of whom, in which order, and what an answer does."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from faces import answers, pairs, services, undo
from faces.asking import chance, worth
from faces.models import Cluster, Clustering, Event, Face, Person, Refusal
from faces.questions import find_question, has_questions, next_questions
from tests.faces.conftest import MODEL, House, look
from tests.factories import ClusterFactory, PersonFactory

QUESTIONS, ANSWER = "/people/questions/", "/people/questions/answer/"
HTMX = {"HX-Request": "true"}
LIMITS = {"match_distance": 0.50, "reach": 0.57}


@pytest.fixture
def mia(house: House) -> Person:
    """Confirmed once, and near a group of three faces."""
    Clustering.objects.create(model=MODEL)
    person: Person = PersonFactory(name="Mia")
    house.face(1, person=person, state="assigned", is_confirmed=True)
    return person


def near(house: House, person: Person, count: int, **fields: object) -> tuple[Cluster, list[Face]]:
    """A group that may be this person, as a run of matching leaves it."""
    cluster = ClusterFactory(near_person=person, near_distance=0.53, size=count)
    return cluster, house.faces(2, count, cluster=cluster, near_person=person, near_distance=0.53, **fields)


def keys(viewer: User, **choice: object) -> list[str]:
    return [question.key for question in next_questions(viewer, **choice)]  # type: ignore[arg-type]


# ---- Which


def test_the_question_that_settles_most_and_is_least_sure_comes_first() -> None:
    assert worth("group", 12, 0.53, **LIMITS) > worth("group", 2, 0.53, **LIMITS)
    assert worth("face", 1, 0.525, **LIMITS) > worth("guess", 1, 0.48, **LIMITS) > worth("guess", 1, 0.44, **LIMITS)
    assert worth("guess", 1, 0.48, strays=4, **LIMITS) > worth("face", 1, 0.525, **LIMITS)
    assert worth("who", 5, None, **LIMITS) == 5
    assert chance(0.45, **LIMITS) > 0.9 > chance(0.525, **LIMITS) > 0.3 > chance(0.57, **LIMITS)


@pytest.mark.slow
def test_all_kinds_are_asked(house: House, mia: Person, member: User) -> None:
    group, _ = near(house, mia, 3)
    unnamed = ClusterFactory(size=2)
    house.faces(3, 2, cluster=unnamed)
    face = house.face(4, near_person=mia, near_distance=0.52)
    stray = ClusterFactory(size=3)
    house.faces(5, 3, cluster=stray)
    guess = house.face(5, cluster=stray, person=mia, state="assigned", near_person=mia, near_distance=0.48)
    assert {question.kind for question in next_questions(member)} == {"group", "who", "face", "guess"}
    assert set(keys(member)) == {
        f"group-{group.pk}-{mia.pk}", f"who-{unnamed.pk}-0", f"who-{stray.pk}-0", f"face-{face.pk}-{mia.pk}",
        f"guess-{guess.pk}-{mia.pk}",
    }  # fmt: skip
    first = keys(member)[0]
    assert keys(member, skipped=[first])[-1] == first, "what was skipped comes last"
    assert has_questions(member)


@pytest.mark.slow
def test_what_was_decided_is_not_asked(house: House, mia: Person, member: User) -> None:
    known = mia.faces.get()
    group, (one, two, three) = near(house, mia, 3)
    Refusal.objects.create(face=one, person=mia)
    pairs.set_pair(two, known, member, is_same=False)
    Face.objects.filter(pk=three.pk).update(photo=known.photo)
    assert find_question(member, f"group-{group.pk}-{mia.pk}") is None
    assert keys(member) == [f"who-{group.pk}-0"], "but who they are is open"
    services.hide_person(mia, member, is_hidden=True)
    near(house, mia, 1)
    assert keys(member) == [f"who-{group.pk}-0"], "nobody asks about people who are hidden"


@pytest.mark.slow
def test_one_is_asked_about_what_one_sees(house: House, mia: Person, member: User, owner: User) -> None:
    secret = PersonFactory(name="Secret Santa")
    house.face(8, person=secret, state="assigned", is_confirmed=True, is_private=True)
    near(house, secret, 2)
    hidden, _ = near(house, mia, 3, is_private=True)
    mixed, _ = near(house, mia, 1)
    house.faces(2, 4, cluster=mixed, is_private=True)
    Cluster.objects.filter(pk=mixed.pk).update(size=5)
    kinds = {(question.kind, question.person_name, question.face_count) for question in next_questions(member)}
    assert kinds == {("who", "", 2), ("face", "Mia", 1)}, "a face that one sees alone is in no group"
    assert {"Secret Santa", "Mia"} == {question.person_name for question in next_questions(owner)}
    assert find_question(member, f"group-{hidden.pk}-{mia.pk}") is None
    assert find_question(member, f"group-{mixed.pk}-{mia.pk}") is None
    assert find_question(member, f"group-{mixed.pk}-{secret.pk}") is None
    for nonsense in ("", "group", "group-x-y", f"who-{mixed.pk}-{mia.pk}", f"other-{mixed.pk}-0", "face-9-9-9"):
        assert find_question(member, nonsense) is None


@pytest.mark.slow
def test_groups_of_others_take_no_place_among_the_questions(
    house: House, mia: Person, member: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("faces.questions.MOST", 2)
    group, _ = near(house, mia, 2)
    unnamed = ClusterFactory(size=2)
    house.faces(3, 2, cluster=unnamed)
    before = keys(member)
    assert set(before) == {f"group-{group.pk}-{mia.pk}", f"who-{unnamed.pk}-0"}
    for number in range(3):
        near(house, mia, 3, is_private=True)
        house.faces(10 + number, 3, cluster=ClusterFactory(size=3), is_private=True)
    assert keys(member) == before


@pytest.mark.slow
def test_the_number_of_queries_does_not_depend_on_how_much_there_is(
    house: House, mia: Person, member_client: Client
) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            assert member_client.get(QUESTIONS).status_code == 200
        return len(captured)

    for number in range(2):
        near(house, PersonFactory(), 2)
        near(house, mia, 3)
        house.face(4, near_person=mia, near_distance=0.52)
        house.face(5, cluster=near(house, mia, 2)[0], person=mia, state="assigned", near_person=mia, near_distance=0.49)
        house.faces(6, 3, cluster=ClusterFactory(size=3))
        if number == 0:
            before = queries()
    assert queries() == before


# ---- Answers


@pytest.mark.slow
def test_yes_confirms_the_group_but_not_who_is_unticked(house: House, mia: Person, member_client: Client) -> None:
    group, faces = near(house, mia, 3)
    key = f"group-{group.pk}-{mia.pk}"
    page = member_client.get(QUESTIONS).content.decode()
    assert "Are these 3 faces Mia?" in page
    assert "1 question would settle 3 faces" in page
    ticked = [faces[0].pk, faces[1].pk]
    data = {"question": key, "answer": "yes", "whole": "1", "shown": [face.pk for face in faces], "face": ticked}
    response = member_client.post(ANSWER, data, headers=HTMX)
    content = response.content.decode()
    assert response.status_code == 200
    assert "2 faces are Mia." in content
    assert "1 answered today" in content or "You answered 1 question today" in content
    assert set(
        mia.faces.filter(is_confirmed=True, pk__in=[face.pk for face in faces]).values_list("pk", flat=True)
    ) == set(ticked)
    assert list(Refusal.objects.values_list("face", "person")) == [(faces[2].pk, mia.pk)]
    assert Event.objects.get().before["question"] == key


def test_no_is_remembered_and_taken_back(house: House, mia: Person, member: User) -> None:
    group, _ = near(house, mia, 3)
    question = find_question(member, f"group-{group.pk}-{mia.pk}")
    assert question
    answer = answers.say_no(question, member)
    assert answer.text == "Remembered: 3 faces are not Mia."
    assert Refusal.objects.filter(person=mia).count() == 3
    assert answers.answered_today(member) == 1
    assert keys(member) == [f"who-{group.pk}-0"]
    undo.undo_event(answer.event, member)
    assert not Refusal.objects.exists()
    assert answers.answered_today(member) == 0


def test_a_guess_is_confirmed_refused_or_somebody_else(house: House, mia: Person, member: User) -> None:
    def ask() -> answers.Question:
        guess = house.face(1, person=mia, state="assigned", near_person=mia, near_distance=0.49)
        found = find_question(member, f"guess-{guess.pk}-{mia.pk}")
        assert found
        return found

    yes, no, other = ask(), ask(), ask()
    assert answers.say_yes(yes, member).text == "This is Mia."
    assert answers.say_no(no, member).text == "Remembered: this is not Mia."
    assert answers.say_name(other, "Tom", member).text == "This is Tom."
    faces = {face.pk: (str(face.person), face.is_confirmed) for face in Face.objects.all()}
    assert faces[yes.target], faces[other.target] == (("Mia", True), ("Tom", True))
    assert faces[no.target] == ("None", False)
    for question in (yes, no, other):
        with pytest.raises(answers.AnsweredBefore):
            answers.say_yes(question, member)


def test_an_answer_is_about_the_faces_that_were_shown(house: House, mia: Person, member: User) -> None:
    group, faces = near(house, mia, 2)
    question = find_question(member, f"group-{group.pk}-{mia.pk}")
    late = house.face(2, cluster=group)
    assert question
    answers.say_yes(question, member, shown=[face.pk for face in faces])
    late.refresh_from_db()
    assert late.person is None


@pytest.mark.slow
def test_two_who_answer_at_once_are_told(
    house: House, mia: Person, member_client: Client, owner_client: Client
) -> None:
    group, _ = near(house, mia, 2)
    data = {"question": f"group-{group.pk}-{mia.pk}", "answer": "no"}
    assert member_client.post(ANSWER, data).status_code == 303
    response = owner_client.post(ANSWER, data, headers=HTMX)
    assert response.status_code == 200
    assert "answered in the meantime" in response.content.decode()
    assert Event.objects.count() == 1


@pytest.mark.slow
def test_somebody_else_is_asked_for_and_a_name_that_is_taken_asks_who(
    house: House, mia: Person, member_client: Client
) -> None:
    cluster = ClusterFactory(size=2)
    house.faces(3, 2, cluster=cluster)
    data = {"question": f"who-{cluster.pk}-0", "answer": "name"}
    response = member_client.post(ANSWER, {**data, "name": " "})
    assert response.status_code == 422
    assert "Type a name." in response.content.decode()
    response = member_client.post(ANSWER, {**data, "name": "mia"}, headers=HTMX)
    assert response.status_code == 422
    assert "Is this the Mia you know?" in response.content.decode()
    del data["answer"]
    assert member_client.post(ANSWER, {**data, "name": "mia", "who": "new"}).status_code == 303
    assert Person.objects.filter(name="mia").get().faces.count() == 2


@pytest.mark.slow
def test_skipping_puts_a_question_last_and_strangers_are_set_aside(
    house: House, mia: Person, member_client: Client
) -> None:
    first, second = ClusterFactory(size=3), ClusterFactory(size=2)
    house.faces(3, 3, cluster=first)
    house.faces(4, 2, cluster=second)
    page = member_client.post(ANSWER, {"question": f"who-{first.pk}-0", "answer": "skip"}, headers=HTMX)
    assert f'value="who-{second.pk}-0"' in page.content.decode()
    page = member_client.post(ANSWER, {"question": f"who-{second.pk}-0", "answer": "stranger"}, headers=HTMX)
    assert "The rest you skipped" in page.content.decode()
    assert set(second.faces.values_list("state", flat=True)) == {"ignored"}
    page = member_client.post("/people/questions/again/", headers=HTMX)
    assert f'value="who-{first.pk}-0"' in page.content.decode()
    page = member_client.post(ANSWER, {"question": f"who-{first.pk}-0", "answer": "skip"}, headers=HTMX)
    assert "1 question that you skipped is still open" in page.content.decode(), "the only one, too"
    page = member_client.post(ANSWER, {"question": f"who-{first.pk}-0", "answer": "stranger"}, headers=HTMX)
    assert "Nothing to ask" in page.content.decode()


@pytest.mark.slow
def test_answers_are_taken_back_one_after_the_other_and_asked_again(
    house: House, mia: Person, member_client: Client
) -> None:
    group, faces = near(house, mia, 3)
    things, other = ClusterFactory(size=2), ClusterFactory(size=2)
    house.faces(3, 2, cluster=things)
    house.faces(4, 2, cluster=other)
    asked = [f"group-{group.pk}-{mia.pk}", f"who-{things.pk}-0"]
    assert 'data-key="z"' not in member_client.get(QUESTIONS).content.decode()
    for key, answer in zip(asked, ["yes", "no_face"], strict=True):
        member_client.post(ANSWER, {"question": key, "answer": answer}, headers=HTMX)
    assert set(things.faces.values_list("state", flat=True)) == {"not_a_face"}
    page = member_client.post(ANSWER, {"question": f"who-{other.pk}-0", "answer": "skip"}, headers=HTMX)
    assert 'data-key="z"' in page.content.decode()
    for key in reversed(asked):
        page = member_client.post("/people/questions/undo/", headers=HTMX)
        assert f'value="{key}"' in page.content.decode()
    assert not Face.objects.filter(pk__in=[face.pk for face in faces], person=mia).exists()
    assert "3 questions would settle 7 faces" in page.content.decode()
    assert 'data-key="z"' not in page.content.decode()
    member_client.post(ANSWER, {"question": asked[0], "answer": "no"})
    undo = f"/people/events/{Event.objects.latest('pk').pk}/undo/"
    again = member_client.post(undo, {"next": QUESTIONS})["Location"]
    assert f'value="{asked[0]}"' in member_client.get(again).content.decode()


@pytest.mark.slow
@pytest.mark.parametrize("way", ["on the page", "in the journal"])
@pytest.mark.parametrize("answer", ["stranger", "no_face"])
def test_a_group_that_was_set_aside_whole_is_asked_about_again(
    house: House, mia: Person, member_client: Client, regroup: Callable[[], object], way: str, answer: str
) -> None:
    faces = house.faces(3, 3)
    regroup()
    (group,) = Cluster.objects.all()
    key = f"who-{group.pk}-0"
    member_client.post(ANSWER, {"question": key, "answer": answer}, headers=HTMX)
    regroup()
    assert not Cluster.objects.exists()
    if way == "on the page":
        page = member_client.post("/people/questions/undo/", headers=HTMX).content.decode()
    else:
        undo = f"/people/events/{Event.objects.latest('pk').pk}/undo/"
        page = member_client.get(member_client.post(undo, {"next": QUESTIONS})["Location"]).content.decode()
    assert f'value="{key}"' in page
    assert "1 question would settle 3 faces" in page
    regroup()
    assert set(Face.objects.filter(pk__in=[face.pk for face in faces]).values_list("cluster", flat=True)) == {group.pk}


@pytest.mark.slow
def test_the_list_of_people_leads_to_the_questions(house: House, mia: Person, member_client: Client) -> None:
    assert QUESTIONS not in member_client.get("/people/").content.decode()
    near(house, mia, 1)
    assert f'href="{QUESTIONS}"' in member_client.get("/people/").content.decode()
    card = member_client.get("/people/questions/count/", headers=HTMX).content.decode()
    assert "1 question" in card
    assert member_client.get("/people/questions/count/").status_code == 303


@pytest.mark.slow
def test_an_answer_leads_to_more(house: House, member: User, regroup: Callable[[], object]) -> None:
    """One face is named; those that look like it are given to her, and what is too far for that is asked."""
    known, *_ = house.faces(1, 3)
    far = house.faces(1, 2, embedding=look(1, 77, noise=1.6))
    regroup()
    services.name_face(known, "Mia", member)
    regroup()
    (question,) = next_questions(member)
    assert (question.kind, question.text) == ("group", "Are these 2 faces Mia?")
    answers.say_yes(question, member)
    regroup()
    assert next_questions(member) == []
    assert {str(face.person) for face in Face.objects.filter(pk__in=[it.pk for it in far])} == {"Mia"}
