#!/usr/bin/python3
"""Writes statically quantized networks (qnnpack) with an input and what torch answered: quantized.py FOLDER."""
import os
import sys

import torch
import torchvision
from torch import nn

from cases import flat, text_of
from nets import settle


class Small(nn.Module):
    """Every kind of layer once: with and without activation, depthwise, added, joined, pooled."""

    def __init__(self):
        super().__init__()
        self.quant, self.dequant = torch.quantization.QuantStub(), torch.quantization.DeQuantStub()
        self.c1, self.r1 = nn.Conv2d(3, 8, 3, 2, 1), nn.ReLU()
        self.c2, self.c3 = nn.Conv2d(8, 8, 3, 1, 1, groups=8), nn.Conv2d(8, 8, 1)
        self.add, self.join = nn.quantized.FloatFunctional(), nn.quantized.FloatFunctional()
        self.pool, self.fc = nn.AdaptiveAvgPool2d(1), nn.Linear(16, 5)

    def forward(self, x):
        x = self.r1(self.c1(self.quant(x)))
        x = self.add.add(x, self.c3(self.c2(x)))
        x = self.join.cat([x, torch.nn.functional.max_pool2d(x, 3, 1, 1)], 1)
        return self.dequant(self.fc(self.pool(x).flatten(1)))


def main(folder):
    torch.set_num_threads(1)
    torch.manual_seed(7)
    torch.backends.quantized.engine = "qnnpack"
    os.makedirs(folder, exist_ok=True)
    zoo = torchvision.models.quantization
    for name, model, size in (("small", Small(), 16), ("resnet18", zoo.resnet18(), 64), ("mobilenet_v2", zoo.mobilenet_v2(), 64)):
        with torch.no_grad():
            settle(model)
            if hasattr(model, "fuse_model"):
                model.fuse_model()
            else:
                torch.quantization.fuse_modules(model, [["c1", "r1"]], inplace=True)
            model.qconfig = torch.quantization.get_default_qconfig("qnnpack")
            torch.quantization.prepare(model, inplace=True)
            for _ in range(4):
                model(torch.rand(1, 3, size, size))
            torch.quantization.convert(model, inplace=True)
            x = torch.rand(1, 3, size, size)
            for way, made in (("traced", torch.jit.trace(model, x)), ("scripted", torch.jit.script(model))):
                path = os.path.join(folder, "%s_%s" % (name, way))
                made.save(path + ".pt")
                key = [v.debugName().split(".")[0] for v in made.graph.inputs()][1]
                answer = [text_of("in", key, x.numpy())] + [text_of("out", "-", v) for v in flat(made(x))]
                with open(path + ".case", "w") as out:
                    out.write("\n".join(answer) + "\n")


if __name__ == "__main__":
    main(sys.argv[1])
