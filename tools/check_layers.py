#!/usr/bin/env python3
"""Fails when a file includes something its layer must not see. The layers and what each may see are those that CMake
links: the `hone_layer` lines of src/CMakeLists.txt. ARCHITECTURE.md's house shows them as a picture. In the upper
folders also when a source has no test beside it: one of its name, or one that includes its header."""
import pathlib
import re
import sys

# Public headers that are the real home of a lower layer's types, which forward to them; the others are the API's own.
PUBLIC = {"error": "base", "dtype": "tensor", "shape": "tensor", "tensor": "tensor"}
# Interfaces that the layers below implement: seen by them and by all above.
INTERFACES = {"formats/format.h"}
# Where a test stands beside every source.
TESTED = ("compress", "report", "runtime")
LAYER = re.compile(r"^\s*hone_layer\((\w+)\s([^)]*)\)", re.M)
INCLUDE = re.compile(r'^\s*#include\s+"([^"]+)"')
SOURCES = (".h", ".cpp", ".inc")


def read_layers(cmake: str):
    """Folder → layer and layer → the layers that it sees, from the hone_layer lines."""
    folders, links = {}, {}
    for name, rest in LAYER.findall(cmake):
        words, key = {}, None
        for word in rest.split():
            if word.isupper():
                key = word
            else:
                words.setdefault(key, []).append(word)
        for folder in words["DIR"]:
            folders.setdefault(folder, name)
        links.setdefault(name, set()).update(w[5:] for w in words.get("LINK", []) if w.startswith("hone_"))
    return folders, {name: reach(name, links) for name in links}


def reach(name, links):
    seen, queue = set(), [name]
    while queue:
        for below in links.get(queue.pop(), ()):
            if below not in seen:
                seen.add(below)
                queue.append(below)
    return seen


def layer_of(path: str, folders):
    """The layer of the innermost folder that is one; null for a path outside of all layers."""
    for parent in pathlib.PurePosixPath(path).parents:
        if str(parent) in folders:
            return folders[str(parent)]
    return None


def check_file(path, name, layer, folders, sees):
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        found = INCLUDE.match(line)
        if not found or found.group(1) in INTERFACES:
            continue
        target = layer_of(found.group(1), folders)
        if found.group(1).startswith("hone/"):
            target = PUBLIC.get(pathlib.PurePosixPath(found.group(1)).stem, "capi")
        if target and target != layer and target not in sees[layer]:
            yield f"{name}:{number}: layer '{layer}' includes '{found.group(1)}' of '{target}', which stands above or beside it"


def check_tests(src):
    for folder in TESTED:
        tests = sorted((src / folder).glob("*_test.cpp"))
        included = {m.group(1) for test in tests for m in map(INCLUDE.match, test.read_text(encoding="utf-8").splitlines()) if m}
        for path in sorted((src / folder).glob("*.cpp")):
            if path in tests or f"{folder}/{path.stem}.h" in included or path.with_name(f"{path.stem}_test.cpp") in tests:
                continue
            yield f"src/{folder}/{path.name}: no test beside it: {path.stem}_test.cpp, or one that includes {folder}/{path.stem}.h"


def main() -> int:
    root = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else ".")
    folders, sees = read_layers((root / "src/CMakeLists.txt").read_text(encoding="utf-8"))
    failures = []
    for path in sorted((root / "src").rglob("*")):
        if path.suffix not in SOURCES or path.stem.endswith("_test"):  # tests build fixtures from higher layers
            continue
        name = path.relative_to(root / "src").as_posix()
        layer = layer_of(name, folders)
        if layer is None:
            failures.append(f"src/{name}: its folder is no layer: name it in a hone_layer line of src/CMakeLists.txt")
        else:
            failures.extend(check_file(path, f"src/{name}", layer, folders, sees))
    for path in sorted((root / "include").rglob("*.h")):
        layer = PUBLIC.get(path.stem, "capi")
        failures.extend(check_file(path, path.relative_to(root), layer, folders, sees))
    failures.extend(check_tests(root / "src"))
    done = f"layers: every include of {len(sees)} layers points down, every source of {', '.join(TESTED)} has a test beside it"
    print("\n".join(failures) if failures else done)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
