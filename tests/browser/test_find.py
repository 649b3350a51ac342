"""Finding people: who is together with whom, and whom a picture of a face is like."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser import chromium, pictures, steps
from tests.browser.test_corrections import named

pytestmark = [pytest.mark.browser, pytest.mark.weights, pytest.mark.usefixtures("friends")]

DROP = """([name, bytes]) => {
    const files = new DataTransfer();
    files.items.add(new File([new Uint8Array(bytes)], name, {type: 'image/jpeg'}));
    for (const kind of ['dragover', 'drop'])
        document.querySelector('face-finder').dispatchEvent(new DragEvent(kind, {dataTransfer: files, bubbles: true}));
}"""


def portrait(friend: str) -> Path:
    return sorted((pictures.SAMPLES / "friends" / "bbt" / friend).iterdir())[0]


def search_with(page: Page, names: str) -> list[str]:
    """The photos that the fields find, by keys alone."""
    page.goto("/search/")
    page.get_by_label("With", exact=True).fill(names)
    page.keyboard.press("Enter")
    page.wait_for_url("**/search/?**")
    return steps.photo_ids(page)


def test_photos_with_two_people_and_with_one_of_them(page: Page) -> None:
    with named(page, "Uncle Quentin"), named(page, "Aunt Ottilie"):
        uncle, aunt = search_with(page, "Uncle Quentin"), search_with(page, "aunt ottilie")
        assert uncle
        assert aunt
        page.goto("/search/")
        field = page.get_by_label("With", exact=True)
        field.press_sequentially("Uncle Quentin,")
        offered = page.locator("#search-person-names option").evaluate_all("list => list.map(it => it.value)")
        assert "Uncle Quentin, Aunt Ottilie" in offered, "the last of several names is completed"

        both = search_with(page, "Uncle Quentin, Aunt Ottilie")
        assert set(both) == set(uncle) & set(aunt)
        chips = page.get_by_label("Searched for").get_by_role("listitem")
        expect(chips).to_have_count(2)
        expect(page.get_by_role("searchbox")).to_have_value("Uncle Quentin Aunt Ottilie")
        page.get_by_role("link", name="Photos without Aunt Ottilie instead").press("Enter")
        expect(chips.nth(1)).to_contain_text("without Aunt Ottilie")
        assert set(steps.photo_ids(page)) == set(uncle) - set(aunt)

        page.get_by_text("People, thing, place, dates").click()
        page.get_by_label("Others in the photo").select_option(label="nobody else")
        page.get_by_role("main").get_by_role("button", name="Search").click()
        expect(chips.nth(2)).to_contain_text("nobody else")
        assert set(steps.photo_ids(page)) <= set(uncle) - set(aunt)
        page.get_by_text("People, thing, place, dates").click()
        page.get_by_label("Others in the photo").select_option(label="anyone")
        page.get_by_role("main").get_by_role("button", name="Search").click()
        expect(chips).to_have_count(2)


def test_a_picture_of_a_face_finds_faces_like_it(page: Page, watch: chromium.Watch) -> None:
    watch.allow(422)
    page.goto("/people/")
    page.get_by_role("link", name="Find a face").click()
    page.get_by_label("Choose a picture").set_input_files(portrait("amy"))
    faces = page.locator(".find-result .faces > li")
    expect(faces.nth(3)).to_be_visible()
    expect(faces.first).to_contain_text("very alike")
    for picture in page.locator(".find-result img").all():
        steps.expect_loaded(picture)
    faces.first.locator("a").click()
    expect(page.locator("photo-viewer")).to_be_visible()

    page.goto("/people/find/")
    steps.until(page, "document.readyState === 'complete'")
    landscape = Path(sorted((pictures.SAMPLES / "everyday").glob("*.jpg"))[1])
    page.evaluate(DROP, ["dropped.jpg", list(landscape.read_bytes())])
    expect(page.get_by_role("heading", name="No face was found in this picture.")).to_be_visible()
    page.get_by_label("Choose a picture").set_input_files(
        {"name": "letter.jpg", "mimeType": "image/jpeg", "buffer": b"Dear Anna, no picture is with this letter."}
    )
    expect(page.get_by_role("alert").filter(has_text="This is not a picture")).to_be_visible()


def test_a_phone_takes_a_picture(phone_page: Page) -> None:
    phone_page.goto("/people/find/")
    phone_page.get_by_label("Take a picture").set_input_files(portrait("penny"))
    expect(phone_page.locator(".find-result .faces > li").first).to_contain_text("very alike")
    assert not steps.scrolls_sideways(phone_page)


def test_a_face_is_found_without_scripts(plain_page: Page) -> None:
    plain_page.goto("/people/find/")
    plain_page.get_by_label("Choose a picture").set_input_files(portrait("raj"))
    plain_page.get_by_role("button", name="Find").click()
    expect(plain_page.locator(".find-result .faces > li").first).to_contain_text("very alike")
