"""What holds for the tests themselves, and what no linter finds."""

from __future__ import annotations

import ast
from collections import Counter
from pathlib import Path

TESTS = Path(__file__).parent
PRODUCT = ("include", "plugins")


def test_no_module_imports_from_a_test_module_or_a_conftest() -> None:
    found = [
        f"{file.relative_to(TESTS)}: {name}"
        for file in TESTS.rglob("*.py")
        for name in imported(file)
        if name.startswith("tests.")
        if any(part == "conftest" or part.startswith("test_") for part in name.split("."))
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
