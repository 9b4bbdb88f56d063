#!/usr/bin/env python3
"""Fails when a link of the documentation points at a file, folder or heading that is not there."""
import pathlib
import re
import sys

LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
SKIPPED = ("http://", "https://", "mailto:")


def anchors(path: pathlib.Path) -> set:
    found = set()
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.startswith("#"):
            words = re.sub(r"[^\w\- ]", "", line.lstrip("#").strip().lower())
            found.add(words.replace(" ", "-"))
    return found


def main() -> int:
    root = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else ".")
    pages = sorted(root.glob("*.md")) + sorted((root / "docs").rglob("*.md")) + sorted((root / "examples").rglob("*.md"))
    failures = []
    for page in pages:
        for number, line in enumerate(page.read_text(encoding="utf-8").splitlines(), 1):
            for link in LINK.findall(line):
                if link.startswith(SKIPPED):
                    continue
                file, _, anchor = link.partition("#")
                target = (page.parent / file) if file else page
                if not target.exists():
                    failures.append(f"{page}:{number}: '{link}' is not there")
                elif anchor and target.suffix == ".md" and anchor not in anchors(target):
                    failures.append(f"{page}:{number}: '{file}' has no heading '{anchor}'")
    print("\n".join(failures) if failures else "links: each leads somewhere")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
