#!/usr/bin/env python3
"""Draws the sample's images: small photographs of sheet metal, good or with one kind of defect.

Every image is a function of (seed, split, class, index) alone, so any of them can be drawn again.
Run as a program it writes data/calibration and data/test beside itself; train.py imports it and
draws its training images in memory.

    python3 generate.py [--out DIR]

Needs numpy only.
"""

import argparse
import pathlib
import struct
import zlib

import numpy as np

CLASSES = ("good", "pits", "scratch", "stain")  # sorted: the index is the label
SIZE = 64
SEED = 20260101
SPLITS = {"train": 0, "validation": 1, "calibration": 2, "test": 3}
IMAGES_PER_CLASS = {"calibration": 40, "test": 100}
GREY_STEP = 4  # the imagined camera delivers 6 bits a channel, which also keeps the files small

_Y, _X = np.mgrid[0:SIZE, 0:SIZE].astype(np.float64)


def smooth(field, radius, axis):
    """Mean over a window of 2 * radius + 1 samples along one axis, the edge repeated."""
    pad = [(0, 0)] * field.ndim
    pad[axis] = (radius + 1, radius)
    total = np.cumsum(np.pad(field, pad, mode="edge"), axis=axis)
    width = 2 * radius + 1
    n = field.shape[axis]
    high = np.take(total, range(width, width + n), axis=axis)
    low = np.take(total, range(0, n), axis=axis)
    return (high - low) / width


def blobs(rng, radius):
    """Smooth random field of zero mean and unit deviation; radius sets the size of its features."""
    field = rng.standard_normal((SIZE, SIZE))
    for _ in range(3):
        field = smooth(smooth(field, radius, 0), radius, 1)
    return (field - field.mean()) / (field.std() + 1e-9)


def brushing(rng, angle):
    """Fine parallel grooves at `angle`, broken up along their length; unit deviation."""
    across = _X * np.sin(angle) - _Y * np.cos(angle) + 2.0 * SIZE
    along = _X * np.cos(angle) + _Y * np.sin(angle)
    grid = np.arange(4 * SIZE)
    field = np.zeros((SIZE, SIZE))
    for _ in range(3):
        profile = smooth(rng.standard_normal(4 * SIZE), int(rng.integers(0, 3)), 0)
        phase = rng.uniform(0, 2 * np.pi)
        period = rng.uniform(40, 160)
        swell = 0.6 + 0.4 * np.sin(2 * np.pi * along / period + phase)
        field += swell * np.interp(across, grid, profile)
    return (field - field.mean()) / (field.std() + 1e-9)


def surface(rng):
    """A flawless sheet under uneven light: brightness around 1, [SIZE, SIZE]; and its grain angle."""
    angle = rng.uniform(0, np.pi)
    sheet = np.ones((SIZE, SIZE))
    sheet += rng.uniform(0.01, 0.07) * brushing(rng, angle)
    sheet += rng.uniform(0.0, 0.05) * blobs(rng, int(rng.integers(2, 5)))
    direction = rng.uniform(0, 2 * np.pi)
    ramp = ((_X - SIZE / 2) * np.cos(direction) + (_Y - SIZE / 2) * np.sin(direction)) / SIZE
    sheet *= 1.0 + rng.uniform(0.0, 0.5) * ramp
    if rng.random() < 0.4:  # the lamp's soft reflection
        cx, cy = rng.uniform(0, SIZE, 2)
        spread = rng.uniform(10, 30)
        sheet += rng.uniform(0.05, 0.3) * np.exp(-((_X - cx) ** 2 + (_Y - cy) ** 2) / (2 * spread**2))
    return sheet, angle


def pits(rng, strength):
    """Relative darkening by a handful of small round holes, each with a lit rim on one side."""
    change = np.zeros((SIZE, SIZE))
    light = rng.uniform(0, 2 * np.pi)
    for _ in range(int(rng.integers(2, 8))):
        cx, cy = rng.uniform(4, SIZE - 4, 2)
        radius = rng.uniform(0.8, 2.4)
        depth = strength * rng.uniform(0.7, 1.3)
        distance = np.hypot(_X - cx, _Y - cy)
        change -= depth / (1.0 + np.exp(2.5 * (distance - radius)))
        rim = np.hypot(_X - cx - radius * np.cos(light), _Y - cy - radius * np.sin(light))
        change += 0.5 * depth * np.exp(-(rim**2) / 1.2)
    return change


def scratch(rng, strength, grain):
    """Relative change along a thin, slightly bent line; bright or dark, fading at its ends."""
    angle = grain + rng.normal(0, 0.2) if rng.random() < 0.2 else rng.uniform(0, np.pi)
    cx, cy = rng.uniform(16, SIZE - 16, 2)
    along = (_X - cx) * np.cos(angle) + (_Y - cy) * np.sin(angle)
    across = (_X - cx) * np.sin(angle) - (_Y - cy) * np.cos(angle)
    half = rng.uniform(9, 34)
    across = across - rng.normal(0, 2.5) * (along / half) ** 2
    width = rng.uniform(0.45, 1.1)
    profile = np.exp(-(across**2) / (2 * width**2))
    ends = 1.0 / (1.0 + np.exp(1.5 * (np.abs(along) - half)))
    sign = 1.0 if rng.random() < 0.5 else -1.0
    return sign * strength * profile * ends


def stain(rng, strength):
    """Relative change per channel by a dried drop: an irregular patch with a darker edge, brown or blue."""
    cx, cy = rng.uniform(12, SIZE - 12, 2)
    radius = rng.uniform(7, 18)
    wobble = 0.22 * blobs(rng, 4)
    distance = np.hypot((_X - cx) / rng.uniform(0.8, 1.25), _Y - cy) / radius + wobble
    inside = 1.0 / (1.0 + np.exp(9.0 * (distance - 1.0)))
    edge = np.exp(-((distance - 0.95) ** 2) / 0.02)
    patch = inside + 0.5 * edge
    if rng.random() < 0.75:
        tint = np.array([0.55, 0.85, 1.2])  # rust: blue is swallowed most
    else:
        tint = np.array([1.15, 0.85, 0.6])  # annealing colour
    return -strength * patch[..., None] * tint


def faintness(rng, low, high):
    """Contrast of a defect, log-uniform: as many faint ones as plain ones."""
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))


def draw(split, label, index, seed=SEED):
    """One image, uint8 [SIZE, SIZE, 3], RGB."""
    rng = np.random.default_rng([seed, SPLITS[split], label, index])
    sheet, grain = surface(rng)
    tint = 1.0 + rng.uniform(-0.05, 0.05, 3)
    image = sheet[..., None] * tint
    kind = CLASSES[label]
    if kind == "pits":
        image *= 1.0 + pits(rng, faintness(rng, 0.17, 0.7))[..., None]
    elif kind == "scratch":
        image *= 1.0 + scratch(rng, faintness(rng, 0.19, 0.75), grain)[..., None]
    elif kind == "stain":
        image *= 1.0 + stain(rng, faintness(rng, 0.03, 0.3))
    elif rng.random() < 0.3:  # a grain of dust is no defect
        cx, cy = rng.uniform(4, SIZE - 4, 2)
        image *= 1.0 - rng.uniform(0.1, 0.5) * np.exp(-((_X - cx) ** 2 + (_Y - cy) ** 2) / 0.8)[..., None]
    image *= rng.uniform(85, 185)
    image += rng.uniform(1.0, 4.5) * rng.standard_normal((SIZE, SIZE))[..., None]
    levels = np.round(np.clip(image, 0, 255) / GREY_STEP) * GREY_STEP
    return np.clip(levels, 0, 255).astype(np.uint8)


def filtered(rows, kind):
    """PNG's line filters 0 (none), 1 (left), 2 (up) and 4 (Paeth) over uint8 [height, width, 3]."""
    x = rows.astype(np.int16)
    left = np.zeros_like(x)
    left[:, 1:] = x[:, :-1]
    up = np.zeros_like(x)
    up[1:] = x[:-1]
    corner = np.zeros_like(x)
    corner[1:, 1:] = x[:-1, :-1]
    if kind == 4:
        estimate = left + up - corner
        da, db, dc = abs(estimate - left), abs(estimate - up), abs(estimate - corner)
        guess = np.where((da <= db) & (da <= dc), left, np.where(db <= dc, up, corner))
    else:
        guess = {0: np.zeros_like(x), 1: left, 2: up}[kind]
    lines = ((x - guess) % 256).astype(np.uint8).reshape(rows.shape[0], -1)
    return b"".join(bytes([kind]) + line.tobytes() for line in lines)


def encode_png(image):
    """Bytes of an 8-bit RGB PNG, with the one filter for all lines that packs best."""

    def chunk(tag, body):
        return struct.pack(">I", len(body)) + tag + body + struct.pack(">I", zlib.crc32(tag + body))

    height, width, _ = image.shape
    packed = min((zlib.compress(filtered(image, kind), 9) for kind in (0, 1, 2, 4)), key=len)
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", packed) + chunk(b"IEND", b"")


def write_split(root, split):
    """Writes root/split/CLASS/NNN.png; returns (files, bytes)."""
    files = size = 0
    for label, name in enumerate(CLASSES):
        folder = root / split / name
        folder.mkdir(parents=True, exist_ok=True)
        for index in range(IMAGES_PER_CLASS[split]):
            data = encode_png(draw(split, label, index))
            (folder / f"{index:03d}.png").write_bytes(data)
            files += 1
            size += len(data)
    return files, size


def main():
    here = pathlib.Path(__file__).resolve().parent
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=pathlib.Path, default=here / "data", help="folder to write into")
    options = parser.parse_args()
    for split in IMAGES_PER_CLASS:
        files, size = write_split(options.out, split)
        print(f"{split}: {files} images, {size / 1e6:.2f} MB")


if __name__ == "__main__":
    main()
