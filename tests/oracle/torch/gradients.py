#!/usr/bin/python3
"""Writes functions as TorchScript with inputs and, in place of what they answer, the gradients of the sum of their results,
each times the sine of its index, with respect to every input: gradients.py FOLDER."""
import inspect
import os
import sys

import torch
from torch.nn import functional as F

from cases import text_of


torch.manual_seed(2)
LSTM = torch.nn.LSTM(3, 4, batch_first=True).requires_grad_(False)
GRU = torch.nn.GRU(3, 4, batch_first=True).requires_grad_(False)


CASES = {
    "conv": (lambda x, w, b: F.conv2d(x, w, b, padding=1), [2, 3, 7, 6], [5, 3, 3, 3], [5]),
    "conv_stride": (lambda x, w, b: F.conv2d(x, w, b, stride=2, padding=1), [2, 3, 8, 8], [4, 3, 3, 3], [4]),
    "conv_groups": (lambda x, w: F.conv2d(x, w, padding=2, dilation=2, groups=2), [2, 4, 7, 7], [6, 2, 3, 3]),
    "conv_depthwise": (lambda x, w, b: F.conv2d(x, w, b, stride=2, padding=1, groups=6), [2, 6, 9, 7], [6, 1, 3, 3], [6]),
    "conv_one_channel": (lambda x, w: F.conv2d(x, w, stride=2, padding=(4, 1)), [2, 1, 13, 10], [8, 1, 10, 4]),
    "conv_1d": (lambda x, w, b: F.conv1d(x, w, b, padding=1), [2, 3, 9], [4, 3, 3], [4]),
    "conv_transpose": (lambda x, w, b: F.conv_transpose2d(x, w, b, stride=2, padding=1), [2, 4, 5, 4], [4, 3, 4, 4], [3]),
    "linear": (lambda x, w, b: F.linear(x, w, b), [3, 5], [4, 5], [4]),
    "products": (lambda x, y: torch.matmul(x, y), [2, 3, 4], [2, 4, 5]),
    "layer_norm": (lambda x, w, b: F.layer_norm(x, [6], w, b), [2, 3, 6], [6], [6]),
    "group_norm": (lambda x, w, b: F.group_norm(x, 2, w, b), [2, 6, 3, 4], [6], [6]),
    "max_pool": (lambda x: F.max_pool2d(x, 3, 2, 1), [2, 3, 7, 6]),
    "average_pool": (lambda x: F.avg_pool2d(x, 3, 2, 1, count_include_pad=False), [2, 3, 7, 6]),
    "global_pool": (lambda x: F.adaptive_avg_pool2d(x, 1), [2, 3, 5, 4]),
    "clamps": (lambda x: F.relu6(x * 6) + torch.clamp(x, -0.5, 0.5), [4, 9]),
    "gelu": (lambda x: F.gelu(x), [4, 9]),
    "silu": (lambda x: F.silu(x), [4, 9]),
    "hardswish": (lambda x: F.hardswish(3 * x), [4, 9]),
    "elu": (lambda x: F.elu(x), [4, 9]),
    "leaky": (lambda x: F.leaky_relu(x, 0.1), [4, 9]),
    "sigmoid_tanh": (lambda x: torch.sigmoid(x) * torch.tanh(x), [4, 9]),
    "softplus": (lambda x: F.softplus(x), [4, 9]),
    "softmax": (lambda x: F.softmax(x, 1), [3, 7]),
    "log_softmax": (lambda x: F.log_softmax(x, 1), [3, 7]),
    "broadcast": (lambda x, y: x * y + x / (y * y + 1) - y, [2, 3, 4], [3, 1]),
    "movement": (lambda x, y: torch.cat([x[:, 1:3], y], 1).permute(0, 2, 1).reshape(2, 20), [2, 4, 5], [2, 2, 5]),
    "pad": (lambda x: F.pad(x, [1, 2, 0, 1]), [2, 3, 4, 4]),
    "pixel_shuffle": (lambda x: F.pixel_shuffle(x, 2), [2, 8, 3, 4]),
    "reduce": (lambda x: x.mean(1) + x.sum(1) * x.amax(1), [3, 4, 5]),
    "nearest": (lambda x: F.interpolate(x, scale_factor=2.0, mode="nearest"), [2, 3, 4, 5]),
    "bilinear": (lambda x: F.interpolate(x, size=[7, 9], mode="bilinear", align_corners=False), [2, 3, 4, 5]),
    "bilinear_corners": (lambda x: F.interpolate(x, size=[7, 9], mode="bilinear", align_corners=True), [2, 3, 4, 5]),
    "lstm": (lambda x, h, c: LSTM(x, (h, c))[0], [2, 5, 3], [1, 2, 4], [1, 2, 4]),
    "gru": (lambda x, h: GRU(x, h)[0], [2, 5, 3], [1, 2, 4]),
}


class Function(torch.nn.Module):
    """A function as a module whose forward takes arguments of the same names."""

    def __init__(self, function):
        super().__init__()
        names = ", ".join(inspect.signature(function).parameters)
        scope = {"function": function}
        exec("def forward(self, %s): return function(%s)" % (names, names), scope)
        self.forward = scope["forward"].__get__(self)


def main(folder):
    torch.set_num_threads(1)
    os.makedirs(folder, exist_ok=True)
    for name, (function, *shapes) in CASES.items():
        generator = torch.Generator().manual_seed(1)
        inputs = [torch.randn(shape, generator=generator) for shape in shapes]
        torch.jit.trace(Function(function), inputs, check_trace=False).save(os.path.join(folder, name + ".pt"))
        variables = [t.clone().requires_grad_() for t in inputs]
        y = function(*variables)
        weights = torch.sin(torch.arange(y.numel(), dtype=torch.float64)).to(torch.float32).reshape(y.shape)
        gradients = torch.autograd.grad((y * weights).sum(), variables)
        lines = [text_of("in", key, t.numpy()) for key, t in zip(inspect.signature(function).parameters, inputs)]
        lines += [text_of("out", "out%d" % i, g.numpy()) for i, g in enumerate(gradients)]
        with open(os.path.join(folder, name + ".case"), "w") as out:
            out.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main(sys.argv[1])
