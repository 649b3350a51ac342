"""What the page of questions shows: one question with its faces, whom they may be, and how far one is."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from faces.access import faces_visible_to
from faces.answers import answered_today
from faces.people import FaceThumb, face_thumbs
from faces.questions import Question, next_questions, open_faces
from gallery.access import Viewer

# Faces of a group with a box to untick; what lies beyond follows the rest.
MOST_FACES = 24
KNOWN_FACES = 4
# Of how many questions the progress speaks: few enough to be an invitation.
AHEAD = 40
# Pictures of so many further questions are fetched ahead.
_FETCHED = 2


@dataclass(frozen=True, slots=True)
class QuestionCard:
    """A question to be answered. `known` are faces that were confirmed as the person; `unshown` how many lie beyond."""

    question: Question
    faces: list[FaceThumb]
    known: list[FaceThumb]
    unshown: int
    is_skipped: bool


@dataclass(frozen=True, slots=True)
class Progress:
    """How far one is: what lies ahead (`has_more`: and beyond), the faces it would settle, and what was done today."""

    questions: int
    faces: int
    has_more: bool
    today: int


@dataclass(frozen=True, slots=True)
class Desk:
    """The page: one card, the progress, and pictures to fetch ahead.

    `card` is None when nothing is open, or nothing but questions that were skipped: so many are `skipped`.
    """

    card: QuestionCard | None
    progress: Progress
    ahead: list[str]
    skipped: int = 0


def desk(viewer: Viewer, *, skipped: Collection[str] = (), first: Question | None = None) -> Desk:
    """The question worth most, and the progress. About fifteen queries, however many faces there are.

    `first` is asked before all others: an answer to it was just taken back, or it is not answered yet.
    """
    questions = next_questions(viewer, skipped=skipped)
    if first:
        questions = [first, *(it for it in questions if it.key != first.key)]
    near = progress(viewer, questions)
    if not questions:
        return Desk(None, near, [])
    if not first and questions[0].key in skipped:
        return Desk(None, near, [], len(questions))
    ahead = [thumb.src for it in questions[1 : 1 + _FETCHED] for thumb in face_thumbs(open_faces(viewer, it)[:1])]
    return Desk(card(viewer, questions[0], skipped=skipped), near, [src for src in ahead if src])


def card(viewer: Viewer, question: Question, *, skipped: Collection[str] = ()) -> QuestionCard:
    """One question as it is shown: two queries."""
    faces = face_thumbs(open_faces(viewer, question)[:MOST_FACES])
    known = faces_visible_to(viewer).filter(person=question.person_id, is_confirmed=True).order_by("-quality", "pk")
    shown = [it for it in face_thumbs(known[: 2 * KNOWN_FACES]) if it.src][:KNOWN_FACES] if question.person_id else []
    return QuestionCard(question, faces, shown, question.face_count - len(faces), question.key in skipped)


def progress(viewer: Viewer, questions: list[Question]) -> Progress:
    """What the next questions would settle, and how many the viewer answered today: one query."""
    near = questions[:AHEAD]
    faces = sum(question.face_count for question in near)
    return Progress(len(near), faces, len(questions) > len(near), answered_today(viewer))
