"""Plain words for labels."""

from __future__ import annotations

import pytest

from gallery.label_words import plural, spellings


@pytest.mark.parametrize(
    ("one", "many"),
    [
        ("dog", "dogs"),
        ("bus", "buses"),
        ("bench", "benches"),
        ("knife", "knives"),
        ("wine glass", "wine glasses"),
        ("person", "people"),
        ("sheep", "sheep"),
    ],
)
def test_plurals(one: str, many: str) -> None:
    assert plural(one) == many


@pytest.mark.parametrize(
    ("word", "label"),
    [
        ("people", "person"),
        ("bike", "bicycle"),
        ("bikes", "bicycle"),
        ("sofa", "couch"),
        ("couches", "couch"),
        ("plane", "airplane"),
        ("telly", "tv"),
        ("televisions", "tv"),
        ("motorbike", "motorcycle"),
        ("mobile", "cell phone"),
        ("plants", "potted plant"),
        ("table", "dining table"),
    ],
)
def test_plain_words_mean_a_label_where_it_is_known(word: str, label: str) -> None:
    assert spellings(["chair", label])[word] == label
    assert word not in spellings(["chair"])


def test_a_label_s_own_name_is_never_another_one_s_word() -> None:
    assert spellings(["dining table", "table"])["table"] == "table"
    assert spellings(["table", "dining table"])["tables"] == "table"
