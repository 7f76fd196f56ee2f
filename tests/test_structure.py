"""What holds for the tests themselves, and what no linter finds."""

from __future__ import annotations

import ast
from collections import Counter
from pathlib import Path

TESTS = Path(__file__).parent
PRODUCT = ("include", "plugins")
ROOMS = {
    "device_association": "include/device_association",
    "plugins": "plugins/device_association_airflow",
    "local": "local",
}
"""Folders of tests, and the package whose rooms each mirrors."""
FLOWS = TESTS / "device_association" / "flows"
"""Tests of what several rooms do together."""


def test_no_module_imports_from_a_test_module_or_a_conftest() -> None:
    found = [
        f"{file.relative_to(TESTS)}: {name}"
        for file in TESTS.rglob("*.py")
        for name in imported(file)
        if name.startswith("tests.")
        if any(part == "conftest" or part.startswith("test_") for part in name.split("."))
    ]
    assert found == []


def test_each_folder_of_tests_is_a_room_of_the_product() -> None:
    found = [
        str(folder.relative_to(TESTS))
        for tests, package in ROOMS.items()
        for folder in sorted({file.parent for file in (TESTS / tests).rglob("*.py")} - {FLOWS})
        if not any((TESTS.parent / package / folder.relative_to(TESTS / tests)).glob("*.py"))
    ]
    assert found == []


def test_a_test_module_outside_the_rooms_is_named_for_a_module_outside_the_rooms() -> None:
    found = [
        str(file.relative_to(TESTS))
        for tests in ("device_association", "local")
        for file in (TESTS / tests).glob("test_*.py")
        if not (TESTS.parent / ROOMS[tests] / file.name.removeprefix("test_")).exists()
    ]
    assert found == []


def test_no_table_of_ours_has_a_key_twice_whether_written_as_text_or_as_a_member() -> None:
    found = [
        f"{file.name}: {key}"
        for room in PRODUCT
        for file in (TESTS.parent / room).rglob("*.py")
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.Dict)
        for key, times in Counter(map(_key, node.keys)).items()
        if key is not None and times > 1
    ]
    assert found == []


def _key(node: ast.expr | None) -> str | None:
    """Return a key as text; a member of our StrEnums is called as its text is."""
    if isinstance(node, ast.Attribute):
        return node.attr
    return str(node.value) if isinstance(node, ast.Constant) else None


def imported(file: Path) -> list[str]:
    """Return what a module imports, each as a dotted name."""
    nodes = list(ast.walk(ast.parse(file.read_text(encoding="utf-8"))))
    whole = [name.name for node in nodes if isinstance(node, ast.Import) for name in node.names]
    parts = [
        f"{node.module}.{name.name}"
        for node in nodes
        if isinstance(node, ast.ImportFrom) and node.module
        for name in node.names
    ]
    return whole + parts
