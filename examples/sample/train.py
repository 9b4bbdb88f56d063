#!/usr/bin/env python3
"""Trains the sample's network on images from generate.py and writes model.onnx and preprocess.json.

    python3 train.py [--epochs N] [--out DIR]

Needs numpy and PyTorch (Debian: python3-torch, python3-onnx). A few minutes on two cores.
"""

import argparse
import json
import pathlib
import time

import numpy as np
import torch
from torch import nn
from torch.nn import functional

import generate

TRAIN_PER_CLASS = 1500
VALIDATION_PER_CLASS = 100
BATCH = 64
PREPROCESS = {
    "resize": [generate.SIZE, generate.SIZE],
    "color": "rgb",
    "scale": 1 / 255,
    "mean": [0.5, 0.5, 0.5],
    "std": [0.25, 0.25, 0.25],
    "layout": "nchw",
}


class ConvUnit(nn.Sequential):
    """Convolution, batch normalisation, ReLU."""

    def __init__(self, in_channels, out_channels, kernel, stride=1, groups=1):
        super().__init__(
            nn.Conv2d(in_channels, out_channels, kernel, stride, kernel // 2, groups=groups, bias=False),
            nn.BatchNorm2d(out_channels),
            nn.ReLU(),
        )


class Separable(nn.Sequential):
    """Depthwise 3x3, then pointwise 1x1."""

    def __init__(self, in_channels, out_channels, stride=1):
        super().__init__(
            ConvUnit(in_channels, in_channels, 3, stride, in_channels),
            ConvUnit(in_channels, out_channels, 1),
        )


class Residual(nn.Module):
    """y = x + separable(x)."""

    def __init__(self, channels):
        super().__init__()
        self.body = Separable(channels, channels)

    def forward(self, x):
        return x + self.body(x)


class SurfaceNet(nn.Module):
    """Image [N, 3, 64, 64] to class scores [N, 4] before softmax; about 85 thousand parameters."""

    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(
            ConvUnit(3, 24, 3, stride=2),
            Separable(24, 32),
            Separable(32, 64, stride=2),
            Separable(64, 96, stride=2),
            Residual(96),
            Separable(96, 160, stride=2),
            Separable(160, 256),
        )
        self.classify = nn.Linear(256, len(generate.CLASSES))

    def forward(self, x):
        x = self.features(x)
        return self.classify(torch.flatten(functional.adaptive_avg_pool2d(x, 1), 1))


class WithSoftmax(nn.Module):
    """The exported network: probabilities instead of scores."""

    def __init__(self, net):
        super().__init__()
        self.net = net

    def forward(self, image):
        return functional.softmax(self.net(image), dim=1)


def load(split, per_class):
    """Preprocessed images [N, 3, 64, 64] and labels [N] of a split, classes interleaved."""
    count = per_class * len(generate.CLASSES)
    images = np.empty((count, generate.SIZE, generate.SIZE, 3), np.uint8)
    labels = np.arange(count) % len(generate.CLASSES)
    for i, label in enumerate(labels):
        images[i] = generate.draw(split, int(label), i // len(generate.CLASSES))
    mean = np.asarray(PREPROCESS["mean"], np.float32)
    std = np.asarray(PREPROCESS["std"], np.float32)
    values = (images.astype(np.float32) * np.float32(PREPROCESS["scale"]) - mean) / std
    return torch.from_numpy(values.transpose(0, 3, 1, 2).copy()), torch.from_numpy(labels)


def augment(batch):
    """The same random flip and quarter turn for a whole batch: a sheet has no right way up."""
    if torch.rand(()) < 0.5:
        batch = torch.flip(batch, [3])
    return torch.rot90(batch, int(torch.randint(4, ())), [2, 3])


def confusion(net, images, labels):
    """Counts [true class, decided class]."""
    net.eval()
    counts = np.zeros((len(generate.CLASSES),) * 2, np.int64)
    with torch.no_grad():
        for start in range(0, len(images), BATCH):
            decided = net(images[start : start + BATCH]).argmax(1)
            np.add.at(counts, (labels[start : start + BATCH].numpy(), decided.numpy()), 1)
    return counts


def train(net, epochs):
    images, labels = load("train", TRAIN_PER_CLASS)
    check_images, check_labels = load("validation", VALIDATION_PER_CLASS)
    steps = epochs * (len(images) // BATCH)
    optimizer = torch.optim.AdamW(net.parameters(), lr=4e-3, weight_decay=0.02)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=4e-3, total_steps=steps, pct_start=0.2)
    started = time.monotonic()
    for epoch in range(epochs):
        net.train()
        order = torch.randperm(len(images))
        total = 0.0
        for step in range(len(images) // BATCH):
            pick = order[step * BATCH : (step + 1) * BATCH]
            loss = functional.cross_entropy(net(augment(images[pick])), labels[pick], label_smoothing=0.05)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()
            schedule.step()
            total += loss.item()
        counts = confusion(net, check_images, check_labels)
        print(
            f"epoch {epoch + 1}/{epochs}: loss {total / (step + 1):.4f}, "
            f"validation {counts.trace() / counts.sum():.4f}, {time.monotonic() - started:.0f} s",
            flush=True,
        )


def export(net, path):
    """Writes ONNX opset 13 as trained: batch normalisation stays, so that simplifying has work to do."""
    net.eval()
    torch.onnx.export(
        WithSoftmax(net).eval(),
        torch.zeros(1, 3, generate.SIZE, generate.SIZE),
        str(path),
        input_names=["image"],
        output_names=["probabilities"],
        opset_version=13,
        training=torch.onnx.TrainingMode.PRESERVE,
        do_constant_folding=False,
    )


def main():
    here = pathlib.Path(__file__).resolve().parent
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--epochs", type=int, default=48)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--out", type=pathlib.Path, default=here)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.manual_seed(generate.SEED)

    net = SurfaceNet()
    train(net, options.epochs)
    export(net, options.out / "model.onnx")
    (options.out / "preprocess.json").write_text(json.dumps(PREPROCESS, indent=2) + "\n")
    for split, per_class in generate.IMAGES_PER_CLASS.items():
        counts = confusion(net, *load(split, per_class))
        print(f"{split}: {counts.trace()} of {counts.sum()} right, {counts.trace() / counts.sum():.4f}")
        print(counts)


if __name__ == "__main__":
    main()
