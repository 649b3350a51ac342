"""The direction of imports (docs/architecture.md) holds."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
OURS = ("pictopy_site", "gallery", "faces", "albums")
ALLOWED = {
    "gallery.vision": {"gallery.vision"},
    "gallery": {"gallery", "gallery.vision"},
    "faces": {"faces", "gallery", "gallery.vision"},
    "albums": {"albums", "faces", "gallery"},
    "pictopy_site": {"pictopy_site", "albums", "faces", "gallery", "gallery.vision"},
}
PURE = (
    "gallery/vision", "gallery/scan.py", "gallery/scope.py", "gallery/walk.py", "gallery/pairing.py",
    "gallery/watch.py", "gallery/mounts.py", "gallery/metadata", "gallery/paths.py",
    "gallery/duplicates/pairs.py", "gallery/duplicates/grouping.py", "faces/ages.py",
    "faces/vision", "faces/clustering", "faces/matching", "faces/continuity.py", "pictopy_site/env.py",
)  # fmt: skip


def place(module: str) -> str:
    return (
        "gallery.vision" if module == "gallery.vision" or module.startswith("gallery.vision.") else module.split(".")[0]
    )


def imports(file: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file}: relative import"
            base = node.module or ""
            yield base
            yield from (f"{base}.{alias.name}" for alias in node.names)


def sources() -> list[Path]:
    return [file for app in OURS for file in sorted((ROOT / app).rglob("*.py"))]


def complaints(file: Path) -> Iterator[str]:
    """What a file imports and may not."""
    relative = file.relative_to(ROOT).as_posix()
    home = place(".".join(file.relative_to(ROOT).with_suffix("").parts))
    for name in imports(file):
        package = name.split(".")[0]
        if package in OURS and name != "gallery.vision" and place(name) not in ALLOWED[home]:
            yield f"{relative} imports {name}"
        if package == "onnxruntime" and home != "gallery.vision":
            yield f"{relative} imports {name}: models are for gallery/vision"
        if package == "django_q" and relative not in {"gallery/work.py", "gallery/admin.py"}:
            yield f"{relative} imports {name}: only gallery/work.py talks to django-q"
        if package == "django" and any(relative == pure or relative.startswith(pure + "/") for pure in PURE):
            yield f"{relative} is pure and imports {name}"


@pytest.mark.slow
@pytest.mark.parametrize("app", OURS)
def test_imports_run_one_way(app: str) -> None:
    files = [file for file in sources() if file.is_relative_to(ROOT / app)]
    assert len(files) > 10
    assert [complaint for file in files for complaint in complaints(file)] == []


def test_views_go_through_the_one_door() -> None:
    views = [file for file in sources() if file.name == "views.py" or "views" in file.parts]
    assert views
    for file in views:
        assert ".objects" not in file.read_text(encoding="utf-8"), f"{file.name} reaches past access and queries"
