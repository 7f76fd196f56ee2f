"""What the documentation says is what the code has: links, paths, citations, settings, states, tables and modules."""

from __future__ import annotations

import re
from itertools import chain
from pathlib import Path

import pytest
from sqlalchemy import CheckConstraint

from device_association.database.tables import OURS
from device_association.database.tables.columns import METADATA
from device_association.database.tables.lines import line_intent
from device_association.domain.codes import ChangeStatus, DeviceChangeStatus, DeviceCode, PlanOutcome
from device_association.settings import Settings

REPOSITORY = Path(__file__).resolve().parents[1]
DOCS = REPOSITORY / "docs"
PAGES = [REPOSITORY / "README.md", REPOSITORY / "CONTRIBUTING.md", *sorted(DOCS.rglob("*.md"))]
CODE = ("include", "plugins", "dags", "local", "benchmarks", "chaos", "tests")
PREFIX = "DEVICE_ASSOCIATION_"
README_LINES = 150
DOMAIN_CITATION = re.compile(r"domain contract(?:'s|,)(?: sections?)? (\d)(?:(?:, | and )(\d))*")
REVIO_CITATION = re.compile(r"Rev\.io contract, '([^']+)'")


def read(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def settings_table() -> str:
    """Return the table of settings; write it into docs/settings.md with `python -m tests.test_docs`."""
    lines = ["| variable | default | what |", "| --- | --- | --- |"]
    for name, field in Settings.model_fields.items():
        default = "required" if field.is_required() else f"`{field.default}`" if field.default != "" else "empty"
        lines.append(f"| `{PREFIX}{name.upper()}` | {default} | {field.description} |")
    return "\n".join(lines)


def prose(page: Path) -> str:
    """Return a page without its blocks of code."""
    return re.sub(r"^```.*?^```", "", read(page), flags=re.DOTALL | re.MULTILINE)


def headings(page: Path) -> list[str]:
    return re.findall(r"^#+ (.+)$", prose(page), re.MULTILINE)


def anchor(heading: str) -> str:
    """Return the anchor that GitHub gives to a heading."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def cited(citation: re.Pattern[str]) -> set[str]:
    """Return what the code cites in docstrings and comments, which may wrap."""
    files = chain.from_iterable((REPOSITORY / folder).rglob("*") for folder in CODE)
    texts = [re.sub(r"\s+(?:--|#)?\s*", " ", read(file)) for file in files if file.suffix in {".py", ".sql"}]
    found = (match.groups() for text in texts for match in citation.finditer(text))
    return {part for groups in found for part in groups if part}


def sections(page: str) -> set[str]:
    """Return the names of a page's sections: `Create` of `## Create: POST ...`."""
    return {heading.split(":")[0] for heading in headings(DOCS / page)}


def diagrams(kind: str) -> list[str]:
    return re.findall(rf"```mermaid\n{kind}\n(.*?)```", read(DOCS / "architecture.md"), re.DOTALL)


def tables() -> dict[str, set[str]]:
    """Return our own tables with their columns."""
    return {
        table.name: {column.name for column in table.columns}
        for table in METADATA.tables.values()
        if table.schema == OURS
    }


def test_settings_page_lists_every_setting() -> None:
    assert settings_table() in read(DOCS / "settings.md")


def test_readme_is_short() -> None:
    assert len(read(REPOSITORY / "README.md").splitlines()) <= README_LINES


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(REPOSITORY)))
def test_every_link_leads_to_a_file_and_a_heading(page: Path) -> None:
    for link in re.findall(r"\]\(([^)\s]+)\)", prose(page)):
        if link.startswith("https://"):
            continue
        path, _, wanted = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), link
        if wanted:
            assert wanted in map(anchor, headings(target)), link


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(REPOSITORY)))
def test_every_path_of_the_repository_that_a_page_names_exists(page: Path) -> None:
    named = re.findall(rf"`((?:{'|'.join((*CODE, 'config', 'deploy', 'docs'))})/[\w./-]*)`", prose(page))
    made = "benchmarks/results/"
    assert [
        path for path in named if not path.startswith(made) and not any(REPOSITORY.glob(f"{path.rstrip('/')}*"))
    ] == []


def test_index_links_every_page_of_its_folder() -> None:
    index = read(DOCS / "README.md")
    assert [
        page.name for page in DOCS.glob("*.md") if page.name != "README.md" and f"]({page.name})" not in index
    ] == []


def test_operating_page_links_every_runbook() -> None:
    linked = set(re.findall(r"\]\(runbooks/(\w+)\.md\)", read(DOCS / "operating.md")))
    assert linked == {page.stem for page in (DOCS / "runbooks").glob("*.md")}


def test_domain_contract_names_every_code() -> None:
    named = set(re.findall(r"\b[A-Z]+(?:_[A-Z0-9]+)*\b", read(DOCS / "domain.md")))
    assert {*ChangeStatus, *DeviceChangeStatus, *DeviceCode, *PlanOutcome} - named == set()


def test_citations_of_the_domain_contract_name_its_sections() -> None:
    found = cited(DOMAIN_CITATION)
    assert len(found) > 3
    assert {
        section for section in found if not any(one.startswith(f"{section}. ") for one in sections("domain.md"))
    } == set()


def test_citations_of_the_rev_io_contract_name_its_sections() -> None:
    found = cited(REVIO_CITATION)
    assert len(found) > 3
    assert found - {one.split(" (")[0] for one in sections("revio.md")} == set()


def test_state_diagrams_have_every_state() -> None:
    changes, rows, *intents = (
        set(re.findall(r"\b[A-Z]+(?:_[A-Z]+)*\b(?= -->| :)", one)) for one in diagrams("stateDiagram-v2")
    )
    checks = (str(one.sqltext) for one in line_intent.constraints if isinstance(one, CheckConstraint))
    (kept,) = (rule for rule in checks if rule.startswith("State IN ("))
    assert changes == set(ChangeStatus)
    assert rows == set(DeviceChangeStatus)
    assert set.union(*intents) == set(re.findall(r"'(\w+)'", kept))


def test_er_diagrams_have_every_table_of_ours_with_columns_that_exist() -> None:
    shown = dict(re.findall(r"^    (\w+) \{\n(.*?)^    \}", "".join(diagrams("erDiagram")), re.DOTALL | re.MULTILINE))
    there = tables()
    assert set(shown) == set(there)
    for table, body in shown.items():
        assert set(re.findall(r"^ +\w+ (\w+)", body, re.MULTILINE)) <= there[table], table


def test_module_lists_name_every_module_once() -> None:
    listed = read(DOCS / "architecture.md").split("## Modules")[1].split("\n## ")[0]
    named = [
        name
        for row in re.findall(r"^\| [^`|]+ \| (.*) \|$", listed, re.MULTILINE)
        for name in re.findall(r"`(\w+)`", row)
    ]
    files = chain((REPOSITORY / "include").rglob("*.py"), (REPOSITORY / "plugins").rglob("*.py"))
    assert sorted(named) == sorted(file.stem for file in files if not file.stem.startswith("__"))


def test_each_name_that_a_page_puts_into_a_module_is_there() -> None:
    """`name` in `path`, and `one` and `other` in `path`, as the table of rules says it."""
    absent = [
        f"{name} in {path}"
        for page in PAGES
        for names, path in re.findall(r"((?:`[\w.]+`(?: and |, )?)+) (?:in|of) `([\w/]+\.py)`", read(page))
        for name in re.findall(r"`([\w.]+)`", names)
        if not all(re.search(rf"\b{part}\b", read(REPOSITORY / path)) for part in name.split("."))
    ]
    assert absent == []


def test_dag_list_names_every_dag() -> None:
    listed = read(DOCS / "architecture.md").split("## The DAGs")[1].split("\n## ")[0]
    assert set(re.findall(r"^\| `(\w+)`", listed, re.MULTILINE)) == {
        file.stem for file in (REPOSITORY / "dags").glob("*.py")
    }


if __name__ == "__main__":
    page = DOCS / "settings.md"
    inner = f"<!-- settings -->\n{settings_table()}\n<!-- /settings -->"
    page.write_text(re.sub(r"<!-- settings -->.*<!-- /settings -->", lambda _: inner, read(page), flags=re.DOTALL))
