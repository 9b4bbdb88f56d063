#!/usr/bin/python3
"""Writes the cases of cases.txt as TorchScript files with inputs and what torch answers: cases.py FOLDER [RECORD].
RECORD, when given, takes all of them as one text that tests/formats/torch_cases_test.cpp reads without torch."""
import os
import re
import sys
import zipfile
import zlib

import numpy as np
import torch

HERE = os.path.dirname(os.path.abspath(__file__))


def assigned(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    z = x.clone()
    z[:, 1:3] = y
    return z


def selected(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    z = x.clone()
    z[:, 2] = y
    return z


def increased(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    z = x.clone()
    z[:, :2] += y
    return z


def multiplied(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    z = x + y
    w = z
    z *= y
    z.clamp_(max=0.5)
    return w


def joined(parts: list[torch.Tensor]) -> torch.Tensor:
    out: list[torch.Tensor] = []
    for i, part in enumerate(parts):
        out.append(part * i)
    return torch.cat(out, 1)


def branched(x: torch.Tensor) -> torch.Tensor:
    if bool(x.sum() > 0):
        y = x * 2
    else:
        y = x - 1
    return y


def sorted_out(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    scale = 3
    if bool(x.mean() > y.mean()):
        z, w = x * y, y
        scale = 2
    else:
        z, w = x - y, x + 1
        if bool(z.max() > 1):
            w = w * z
    return (z * scale + w) if bool(y.sum() > 0) else z


def counted(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    steps = 0
    while bool((x * y).sum() < 20) and steps < 9:
        x = x + y.abs()
        steps += 1
    return x * steps


def halved(x: torch.Tensor) -> torch.Tensor:
    while bool(x.sum() > 1):
        x = x * 0.5
    return x


def draw(generator, spec):
    """name:DIMS[:dtype[:range]] as a name and an array."""
    parts = spec.split(":")
    dims = [int(d) for d in parts[1].split("x") if d]
    dtype = parts[2] if len(parts) > 2 else "f32"
    if dtype == "i64":
        return parts[0], generator.integers(0, 4, dims).astype(np.int64)
    if dtype == "bool":
        return parts[0], generator.random(dims) > 0.5
    span = parts[3] if len(parts) > 3 else "-1,1"
    low, high = (-1.0, 1.0) if span == "sorted" else [float(v) for v in span.split(",")]
    values = np.round(generator.random(dims) * (high - low) + low, 3).astype(np.float32)
    return parts[0], np.sort(values) if span == "sorted" else values


def flat(value):
    if isinstance(value, torch.Tensor):
        return [value.numpy()]
    return [array for item in value if item is not None for array in flat(item)]


def modules(folder, cases):
    """One scripted class for each case: torch compiles what stands in a file."""
    lines = ["import torch", "from cases import assigned, selected, increased, multiplied, joined, branched, sorted_out, counted, halved"]
    for name, expression, inputs, parameters in cases:
        lines += ["class Case_%s(torch.nn.Module):" % name, "    def __init__(self, parameters):", "        super().__init__()"]
        lines += ["        self.register_buffer('%s', torch.from_numpy(parameters['%s']))" % (k, k) for k in parameters]
        lines += ["    def forward(self, %s):" % ", ".join(inputs), "        return %s" % expression]
    path = os.path.join(folder, "generated.py")
    with open(path, "w") as out:
        out.write("\n".join(lines) + "\n")
    sys.path += [HERE, folder]
    import generated
    return {name: torch.jit.script(getattr(generated, "Case_" + name)(parameters))
            for name, expression, inputs, parameters in cases}


def text_of(kind, name, array):
    dtype = {"float32": "f32", "int64": "i64", "int32": "i32", "uint8": "u8", "bool": "bool"}[str(array.dtype)]
    values = " ".join("%.7g" % v for v in array.ravel().astype(np.float64))
    return "%s %s %s [%s] %s" % (kind, name, dtype, " ".join(map(str, array.shape)), values)


def read_cases():
    for line in open(os.path.join(HERE, "cases.txt")):
        if line.startswith("#") or not line.strip():
            continue
        name, expression, arguments = [part.strip() for part in line.split("|")]
        generator = np.random.default_rng(zlib.crc32(name.encode()))
        inputs, parameters = {}, {}
        for spec in arguments.split():
            key, array = draw(generator, spec.lstrip("="))
            (parameters if spec.startswith("=") else inputs)[key] = np.array(array)
        yield name, expression, inputs, parameters


def main(folder, record):
    torch.set_num_threads(1)
    os.makedirs(folder, exist_ok=True)
    cases, lines = list(read_cases()), []
    made = modules(folder, cases)
    for name, expression, inputs, parameters in cases:
        path = os.path.join(folder, name + ".pt")
        made[name].save(path)
        results = flat(made[name](*[torch.from_numpy(array.copy()) for array in inputs.values()]))
        answer = [text_of("in", k, v) for k, v in inputs.items()] + [text_of("out", "-", v) for v in results]
        with open(path[:-3] + ".case", "w") as out:
            out.write("\n".join(answer) + "\n")
        lines.append("case " + name)
        with zipfile.ZipFile(path) as archive:
            for member in archive.namelist():
                if member.endswith(".py"):
                    lines.append("file " + member.split("/", 2)[2])
                    rows = archive.read(member).decode().splitlines()
                    lines += ["| " + row for row in rows if not re.match(r"  (__|training|_is_full)", row)]
        lines += [text_of("parameter", k, v) for k, v in parameters.items()] + answer
    if record:
        with open(record, "w") as out:
            out.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else "")
