"""Questions about faces, one at a time: the page, and the answers."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.cache import patch_vary_headers
from django.views.decorators.http import require_POST, require_safe

from faces import access, answers, people, question_cards
from faces.forms import AnswerForm
from faces.questions import Question, find_question, next_questions
from faces.services import NothingToName, SameName
from faces.views import MemberRequest, say, take_back
from gallery.views import SeeOther, back_to, is_fragment, render_page

# What somebody skipped comes last until they sign out; this many are remembered. So are the entries of the journal that
# their last answers wrote, to be taken back one after the other.
_SKIPPED, _MOST_SKIPPED = "skipped_questions", 300
_ANSWERED, _MOST_ANSWERED = "answered_questions", 100


@require_safe
def question_list(request: MemberRequest) -> HttpResponse:
    """The question that is worth most, what an answer to it settles, and how far one is. `question`: another one."""
    return _page(request, first=find_question(request.user, request.GET.get("question", "")))


def question_url(key: str) -> str:
    """The page with this question, as long as it is open."""
    return f"{reverse('faces:question_list')}?{urlencode({'question': key})}"


@require_safe
def question_count(request: MemberRequest) -> HttpResponse:
    """The card of the list of people that says how many questions there are; alone it is no page, and leads to one."""
    if not is_fragment(request):
        return SeeOther(reverse("faces:question_list"))
    progress = question_cards.progress(request.user, next_questions(request.user))
    response = render(request, "faces/_questions_card.html", {"questions": progress})
    patch_vary_headers(response, ["HX-Request"])
    return response


@require_POST
def question_answer(request: MemberRequest) -> HttpResponse:
    """Takes an answer, which acts at once, and shows the next question; 422 asks the same one again."""
    form = AnswerForm(request.POST)
    question = find_question(request.user, request.POST.get("question", ""))
    if question is None:
        return _too_late(request)
    if not form.is_valid():
        return _page(request, first=question, form=form, status=422)
    verdict = form.cleaned_data["answer"]
    if verdict == "skip":
        skipped = [key for key in _skipped(request) if key != question.key]
        request.session[_SKIPPED] = [*skipped, question.key][-_MOST_SKIPPED:]
        return _next(request)
    asked: list[people.PersonCard] = []
    faces: dict[str, Any] = form.faces()
    try:
        if verdict == "yes":
            answer = answers.say_yes(question, request.user, **faces)
        elif verdict == "no":
            answer = answers.say_no(question, request.user, shown=faces["shown"])
        elif verdict == "stranger":
            answer = answers.say_stranger(question, request.user, shown=faces["shown"])
        elif verdict == "no_face":
            answer = answers.say_no_face(question, request.user, shown=faces["shown"])
        else:
            answer = answers.say_name(question, form.cleaned_data["name"], request.user, **{**faces, **form.choice()})
    except answers.AnsweredBefore:
        return _too_late(request)
    except SameName as error:
        asked = people.cards_of(request.user, error.people)
    except NothingToName as error:
        form.add_error(None if verdict == "yes" else "name", str(error))
    else:
        _remember(request, answer.event.pk)
        say(request, " ".join([answer.text, *answer.remarks]), answer.event)
        return _next(request)
    return _page(request, first=question, form=form, asked=asked, status=422)


@require_POST
def question_undo(request: MemberRequest) -> HttpResponse:
    """Takes the last of one's own answers back, those of this session, and asks that question again."""
    last = answers.last_of(request.user, _answered(request))
    if last is None:
        messages.info(request, "There is no answer to take back.")
        return _next(request)
    # If it has to wait for something else, the next time it is the turn of the answer before.
    request.session[_ANSWERED] = [pk for pk in _answered(request) if pk != last.pk]
    take_back(request, access.get_event(request.user, last.pk))
    answers.bring_group_back(last)
    key = last.before["question"]
    if not is_fragment(request):
        return SeeOther(question_url(key))
    return _page(request, first=find_question(request.user, key))


@require_POST
def question_again(request: MemberRequest) -> HttpResponse:
    """Asks what was skipped once more."""
    request.session.pop(_SKIPPED, None)
    return _next(request)


def _remember(request: MemberRequest, event_id: int) -> None:
    request.session[_ANSWERED] = [*_answered(request), event_id][-_MOST_ANSWERED:]


def _answered(request: MemberRequest) -> list[int]:
    return list(request.session.get(_ANSWERED, ()))


def _too_late(request: MemberRequest) -> HttpResponse:
    messages.info(request, "That was answered in the meantime.")
    return _next(request)


def _next(request: MemberRequest) -> HttpResponse:
    return _page(request) if is_fragment(request) else back_to(request, reverse("faces:question_list"))


def _skipped(request: MemberRequest) -> list[str]:
    return list(request.session.get(_SKIPPED, ()))


def _page(
    request: MemberRequest,
    *,
    first: Question | None = None,
    form: AnswerForm | None = None,
    asked: list[people.PersonCard] | None = None,
    status: int = 200,
) -> HttpResponse:
    desk = question_cards.desk(request.user, skipped=_skipped(request), first=first)
    context: dict[str, Any] = {
        "nav": "people",
        "card": desk.card,
        "skipped": desk.skipped,
        "may_undo": answers.last_of(request.user, _answered(request)) is not None,
        "progress": desk.progress,
        "ahead": desk.ahead,
        "form": form,
        "asked": asked or [],
        "left_out": form.faces()["out"] if form else set(),
        "names": [] if is_fragment(request) else people.person_names(request.user),
        "is_answer": request.method == "POST",
    }
    return render_page(request, "faces/question_list.html", "faces/_question.html", context, status=status)
