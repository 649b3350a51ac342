"""A library made of embeddings, for benchmarks that answer questions about faces as a person would.

Import it before anything of Django's; `make` migrates a database of its own.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

import tests.environment  # noqa: F401  before anything of Django's

if TYPE_CHECKING:
    from django.contrib.auth.models import User

Truth = dict[int, str]
# Asks one question and answers it as the truth says; False when there is nothing to ask. What asks is chosen by the
# caller, so that the order of questions can be measured against a simpler one.
Ask = Callable[["User", Truth], bool]


def make(
    embeddings: npt.NDArray[np.float32],
    photos: Sequence[int],
    qualities: npt.NDArray[np.floating],
    *,
    model: str = "mobilefacenet",
) -> tuple[User, list[int]]:
    """A member, and the ids of the faces by row. Faces with one number in `photos` share a photo."""
    import django
    from django.core.management import call_command

    django.setup()
    call_command("migrate", verbosity=0)
    from django.contrib.auth.models import User
    from django.utils import timezone

    from faces.models import Face
    from gallery.models import Library, Photo

    library = Library.objects.create(name="house", root="/nowhere/house")
    numbers = sorted(set(photos))
    rows = [
        Photo(
            library=library,
            digest=hashlib.sha256(str(number).encode()).hexdigest(),
            mime="image/jpeg",
            width=1000,
            height=1000,
            size_bytes=1,
            imported_at=timezone.now(),
            work_state="done",
        )
        for number in numbers
    ]
    of = dict(zip(numbers, Photo.objects.bulk_create(rows), strict=True))
    box = {"x": 0.4, "y": 0.4, "w": 0.2, "h": 0.2}
    faces = [
        Face(
            photo=of[number],
            digest=of[number].digest or "",
            embedding=embedding.astype(np.float32).tobytes(),
            quality=float(quality),
            score=0.9,
            model=model,
            **box,
        )
        for embedding, number, quality in zip(embeddings, photos, qualities, strict=True)
    ]
    return User.objects.create_user("bench"), [face.pk for face in Face.objects.bulk_create(faces)]


def regroup(model: str = "mobilefacenet", *, faces: bool = False) -> None:
    """What the queue would do. `faces`: faces came, or an embedding changed."""
    from faces import grouping, revisions
    from faces.models import Clustering

    revisions.count_up([model], wake=False, faces=faces)
    grouping.run(Clustering.objects.get(model=model).pk)


def partition(ids: Sequence[int]) -> npt.NDArray[np.intp]:
    """One number for all faces that are one person to the library: by name, else by group; -1 for a face alone."""
    from faces.models import Face

    rows = Face.objects.filter(pk__in=ids) if len(ids) < 1000 else Face.objects.all()
    found = {pk: (person, cluster) for pk, person, cluster in rows.values_list("pk", "person_id", "cluster_id")}
    keys: dict[tuple[str, int], int] = {}
    labels = []
    for pk in ids:
        person, cluster = found[pk]
        key = ("person", person) if person else ("group", cluster) if cluster else None
        labels.append(-1 if key is None else keys.setdefault(key, len(keys)))
    return np.array(labels)


def name_largest_group(viewer: User, truth: Truth) -> bool:
    """Who is this? The largest group that is nobody's; the faces of others in it are unticked."""
    from faces import services
    from faces.access import clusters_visible_to, unnamed_visible_to

    for cluster in clusters_visible_to(viewer).order_by("-size", "pk")[:20]:
        faces = list(unnamed_visible_to(viewer).filter(cluster=cluster).values_list("pk", flat=True))
        name = Counter(truth[pk] for pk in faces).most_common(1)[0][0]
        others = [pk for pk in faces if truth[pk] != name]
        try:
            services.name_cluster(cluster, name, viewer, leave_out=others)
        except services.SameName as error:
            services.name_cluster(cluster, name, viewer, leave_out=others, same_as=error.people[0].pk)
        except services.NothingToName:
            continue
        return True
    return False


def answer_next_question(viewer: User, truth: Truth) -> bool:
    """The first question of the teaching queue: yes, no, or somebody else; the faces of others are unticked."""
    from faces import answers, questions, services
    from faces.deciding import NothingToName

    for question in questions.next_questions(viewer, size=5):
        faces = list(questions.open_faces(viewer, question).values_list("pk", flat=True))
        names = Counter(truth[pk] for pk in faces)
        if not names:
            continue
        name = names.most_common(1)[0][0]
        others = [pk for pk in faces if truth[pk] != name]
        try:
            if question.person_id and question.person_name == name:
                answers.say_yes(question, viewer, shown=faces, out=others)
            elif question.person_id and question.person_name not in names and not question.is_group:
                answers.say_no(question, viewer, shown=faces)
            else:
                try:
                    answers.say_name(question, name, viewer, shown=faces, out=others)
                except services.SameName as error:
                    same = error.people[0].pk
                    answers.say_name(question, name, viewer, shown=faces, out=others, same_as=same)
        except (answers.AnsweredBefore, NothingToName):
            continue
        return True
    return False


def teach(viewer: User, truth: Truth, *, answers: int = 30, ask: Ask = answer_next_question) -> int:
    """Answers so many questions, each at work before the next one is asked; how many there were."""
    for given in range(answers):
        if not ask(viewer, truth):
            return given
        regroup()
    return answers
