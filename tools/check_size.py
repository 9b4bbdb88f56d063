#!/usr/bin/env python3
"""Fails when a source file is longer than 800 lines, or speaks where it should not: TODO, FIXME, tabs."""
import pathlib
import sys

LIMIT = 800


def main() -> int:
    root = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else ".")
    failures = []
    for folder in ("src", "include", "tests", "bench", "fuzz", "examples", "tools"):
        for path in sorted((root / folder).rglob("*")):
            if path.suffix not in (".h", ".cpp", ".py", ".sh", ".fbs"):
                continue
            lines = path.read_text(encoding="utf-8").splitlines()
            if len(lines) > LIMIT:
                failures.append(f"{path}: {len(lines)} lines, the limit is {LIMIT}: split it by idea")
            for number, line in enumerate(lines, 1):
                if path.name != "check_size.py" and any(word in line for word in ("TODO", "FIXME", "\t")) and path.suffix in (".h", ".cpp"):
                    failures.append(f"{path}:{number}: TODO, FIXME or a tab")
    print("\n".join(failures) if failures else "sizes: every file is within its limit")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
