#!/usr/bin/env python3
"""Samples a second of the same training steps in PyTorch (Debian: python3-torch), for bench/train.sh.

    train_torch.py resnet8|dscnn [BATCH [THREADS [SECONDS]]]

The networks are those of MLPerf Tiny as their files hold them: batch normalisation folded into the convolutions.
"""

import statistics
import sys
import time

import torch
from torch import nn
from torch.nn import functional


class Block(nn.Module):
    """Two 3x3 convolutions beside the input, or beside a 1x1 convolution of it where sizes change."""

    def __init__(self, inputs, outputs, stride):
        super().__init__()
        self.first = nn.Conv2d(inputs, outputs, 3, stride, 1)
        self.second = nn.Conv2d(outputs, outputs, 3, 1, 1)
        self.beside = nn.Conv2d(inputs, outputs, 1, stride) if stride > 1 else nn.Identity()

    def forward(self, x):
        y = self.second(functional.relu(self.first(x)))
        return functional.relu(y + self.beside(x))


def resnet8():
    net = nn.Sequential(nn.Conv2d(3, 16, 3, 1, 1), nn.ReLU(), Block(16, 16, 1), Block(16, 32, 2), Block(32, 64, 2),
                        nn.AvgPool2d(8), nn.Flatten(), nn.Linear(64, 10))
    return net, (3, 32, 32), 10


def dscnn():
    layers = [nn.ZeroPad2d((1, 1, 4, 5)), nn.Conv2d(1, 64, (10, 4), 2), nn.ReLU()]
    for _ in range(4):
        layers += [nn.Conv2d(64, 64, 3, 1, 1, groups=64), nn.ReLU(), nn.Conv2d(64, 64, 1), nn.ReLU()]
    net = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, 12))
    return net, (1, 49, 10), 12


def main():
    name = sys.argv[1]
    batch, threads, seconds = [float(v) for v in sys.argv[2:5] + ["32", "2", "3"][len(sys.argv) - 2 :]]
    batch, threads = int(batch), int(threads)
    torch.set_num_threads(threads)
    torch.manual_seed(1)
    best = 0
    for layout in (torch.contiguous_format, torch.channels_last):
        net, shape, classes = {"resnet8": resnet8, "dscnn": dscnn}[name]()
        net = net.to(memory_format=layout)
        optimizer = torch.optim.AdamW(net.parameters(), lr=1e-6)
        x = torch.rand(batch, *shape).contiguous(memory_format=layout)
        labels = torch.randint(classes, (batch,))
        times = []
        start = time.monotonic()
        while len(times) < 4 or time.monotonic() - start < seconds:
            begin = time.monotonic()
            optimizer.zero_grad(set_to_none=True)
            functional.cross_entropy(net(x), labels).backward()
            optimizer.step()
            times.append(time.monotonic() - begin)
        best = max(best, batch / statistics.median(times[1:]))
    print(f"{best:.0f} samples/s, the better of both memory layouts, {threads} threads")


if __name__ == "__main__":
    main()
