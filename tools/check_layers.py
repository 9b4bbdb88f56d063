#!/usr/bin/env python3
"""Fails when a file includes something its layer must not see. The order below is ARCHITECTURE.md's house."""
import pathlib
import re
import sys

# layer: the layers it may include, besides itself
BELOW = {
    "base": [],
    "tensor": ["base"],
    "ir": ["base", "tensor"],
    "ops": ["base", "tensor", "ir"],
    "passes": ["base", "tensor", "ir", "ops"],
    "formats": ["base", "tensor", "ir", "ops", "passes"],
    "runtime": ["base", "tensor", "ir", "ops", "passes"],
    "providers": ["base", "tensor", "ir", "ops", "passes", "runtime"],
    "data": ["base", "tensor"],
    "measure": ["base", "tensor", "ir", "ops", "passes", "runtime", "formats", "data"],
    "compress": ["base", "tensor", "ir", "ops", "passes", "runtime", "formats", "data", "measure"],
    "capi": ["base", "tensor", "ir", "ops", "passes", "runtime", "formats", "data", "measure", "compress", "providers"],
    "cli": ["base", "tensor", "ir", "ops", "passes", "runtime", "formats", "data", "measure", "compress", "providers", "capi"],
}
# Public headers that are the real home of a lower layer's types; the layer forwards to them.
PUBLIC = {"error": "base", "dtype": "tensor", "shape": "tensor", "tensor": "tensor"}
INCLUDE = re.compile(r'^\s*#include\s+"([^"/]+)/([^"]+?)(?:\.h)?"')


def main() -> int:
    root = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else ".") / "src"
    failures = []
    for path in sorted(root.rglob("*")):
        if path.suffix not in (".h", ".cpp"):
            continue
        layer = path.relative_to(root).parts[0]
        if layer not in BELOW:
            failures.append(f"{path}: folder '{layer}' has no place in the house; add it to tools/check_layers.py")
            continue
        is_test = path.stem.endswith("_test")
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            found = INCLUDE.match(line)
            if not found:
                continue
            target = PUBLIC.get(found.group(2), "capi") if found.group(1) == "hone" else found.group(1)
            if target == layer or target in BELOW[layer] or target not in BELOW:
                continue  # its own layer, one below, or a library's header
            if is_test:
                continue  # tests may build their fixtures from higher layers
            failures.append(f"{path}:{number}: layer '{layer}' includes '{target}', which stands above or beside it")
    print("\n".join(failures) if failures else "layers: every include points down")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
