"""Every relative link of the Markdown pages leads to a file, and to one that ``make docs`` takes along."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").glob("*.md"))]
#: What ``make docs`` copies beside the pages.
TAKEN = set(re.search(r"git ls-files [^|]*'\*\.md' docs ([^|]*?) \|", (ROOT / "Makefile").read_text())[1].split())


def links_of(page: Path) -> list[Path]:
    text = re.sub(r"^```.*?^```$", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    targets = re.findall(r"\]\(([^)#\s]+)[^)]*\)", text)
    return [(page.parent / target).resolve() for target in targets if "://" not in target]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_lead_somewhere(page):
    """The defect: operations.md linked to prefect.yaml, and ``make docs`` stopped."""
    for target in links_of(page):
        assert target.is_file(), target
        within = target.relative_to(ROOT).as_posix()
        assert target.suffix == ".md" or within.startswith("docs/") or within in TAKEN, f"{within}: add it to make docs"
