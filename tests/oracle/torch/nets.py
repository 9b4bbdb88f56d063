#!/usr/bin/python3
"""Writes networks as people save them, traced and scripted, with inputs and what torch answers: nets.py FOLDER."""
import os
import sys

import numpy as np
import torch
import torchvision
from torch import nn

from cases import flat, text_of


class UNet(nn.Module):
    """Down twice, up twice by transposed and bilinear steps, joined with what was there."""

    def __init__(self):
        super().__init__()

        def block(i, o):
            return nn.Sequential(nn.Conv2d(i, o, 3, padding=1), nn.BatchNorm2d(o), nn.ReLU(inplace=True))

        self.down1, self.down2, self.bottom = block(3, 8), block(8, 16), block(16, 16)
        self.up2, self.join2 = nn.ConvTranspose2d(16, 16, 2, stride=2), block(32, 8)
        self.up1, self.join1 = nn.Upsample(scale_factor=2.0, mode="bilinear", align_corners=True), block(16, 8)
        self.head, self.pool = nn.Conv2d(8, 2, 1), nn.MaxPool2d(2)

    def forward(self, x):
        a = self.down1(x)
        b = self.down2(self.pool(a))
        y = self.bottom(self.pool(b))
        y = self.join2(torch.cat([self.up2(y), b], 1))
        y = self.join1(torch.cat([self.up1(y), a], 1))
        return self.head(y)


class ViT(nn.Module):
    def __init__(self):
        super().__init__()
        self.patches = nn.Conv2d(3, 32, 8, stride=8)
        self.token = nn.Parameter(torch.randn(1, 1, 32))
        self.places = nn.Parameter(torch.randn(1, 17, 32))
        layer = nn.TransformerEncoderLayer(32, 4, 64, activation="gelu", batch_first=True, norm_first=True)
        self.encoder = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
        self.head = nn.Linear(32, 10)

    def forward(self, x):
        y = self.patches(x).flatten(2).transpose(1, 2)
        y = torch.cat([self.token.expand(x.size(0), -1, -1), y], 1) + self.places
        return self.head(self.encoder(y)[:, 0])


class Attention(nn.Module):
    """A block of a transformer written out."""

    def __init__(self):
        super().__init__()
        self.qkv, self.out, self.norm = nn.Linear(16, 48), nn.Linear(16, 16), nn.LayerNorm(16)

    def forward(self, x):
        n, length, width = x.shape
        q, k, v = self.qkv(self.norm(x)).reshape(n, length, 3, 4, width // 4).permute(2, 0, 3, 1, 4).unbind(0)
        weights = ((q @ k.transpose(-2, -1)) * (width // 4) ** -0.5).softmax(-1)
        return x + self.out((weights @ v).transpose(1, 2).reshape(n, length, width))


class Tagger(nn.Module):
    def __init__(self):
        super().__init__()
        self.words = nn.Embedding(50, 12)
        self.lstm = nn.LSTM(12, 10, 2, batch_first=True, bidirectional=True)
        self.tags = nn.Linear(20, 5)

    def forward(self, words):
        y, state = self.lstm(self.words(words))
        return torch.log_softmax(self.tags(y), -1)


class Gru(nn.Module):
    def __init__(self):
        super().__init__()
        self.gru, self.out = nn.GRU(6, 8, batch_first=True), nn.Linear(8, 3)

    def forward(self, x):
        y, last = self.gru(x)
        return self.out(last[-1])


class SsdLite(nn.Module):
    """Heads over two maps: scores and boxes decoded against anchors made on the way."""

    def __init__(self):
        super().__init__()

        def step(i, o, stride):
            return nn.Sequential(nn.Conv2d(i, i, 3, stride, 1, groups=i, bias=False), nn.BatchNorm2d(i), nn.ReLU6(),
                                 nn.Conv2d(i, o, 1, bias=False), nn.BatchNorm2d(o), nn.ReLU6())

        self.stem = nn.Sequential(nn.Conv2d(3, 8, 3, 2, 1), nn.ReLU6(), step(8, 16, 2))
        self.next = step(16, 16, 2)
        self.scores = nn.ModuleList([nn.Conv2d(16, 6, 1), nn.Conv2d(16, 6, 1)])
        self.boxes = nn.ModuleList([nn.Conv2d(16, 8, 1), nn.Conv2d(16, 8, 1)])

    def forward(self, x):
        maps = [self.stem(x)]
        maps.append(self.next(maps[0]))
        scores, boxes = [], []
        for i, (head, place) in enumerate(zip(self.scores, self.boxes)):
            m = maps[i]
            n, _, h, w = m.shape
            scores.append(head(m).permute(0, 2, 3, 1).reshape(n, -1, 3))
            raw = place(m).permute(0, 2, 3, 1).reshape(n, -1, 4)
            ys, xs = torch.meshgrid(torch.arange(h), torch.arange(w), indexing="ij")
            centers = torch.stack([xs, ys], -1).reshape(-1, 1, 2).repeat(1, 2, 1).reshape(-1, 2).float() + 0.5
            boxes.append(torch.cat([raw[..., :2] * 0.1 + centers, raw[..., 2:].exp()], -1))
        return {"scores": torch.cat(scores, 1).softmax(-1), "boxes": torch.cat(boxes, 1)}


class Yolo(nn.Module):
    """Boxes decoded in place on slices, as the YOLO family does."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 14, 3, 4, 1)
        self.register_buffer("anchors", torch.rand(1, 2, 1, 1, 2) * 10)

    def forward(self, x):
        n, h, w = x.size(0), x.size(2) // 4, x.size(3) // 4
        y = self.conv(x).view(n, 2, 7, h, w).permute(0, 1, 3, 4, 2).contiguous().sigmoid()
        y[..., 0:2] = y[..., 0:2] * 2.0 - 0.5
        y[..., 2:4] = (y[..., 2:4] * 2) ** 2 * self.anchors
        return y.view(n, -1, 7)


class TwoInputs(nn.Module):
    def forward(self, image, mask):
        return torch.where(mask > 0.5, image, image.mean(dim=(2, 3), keepdim=True)), image.amax(1)


def settle(model):
    """Weights and statistics that keep signals alive through deep nets with random weights."""
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean.uniform_(-0.1, 0.1)
            module.running_var.uniform_(0.8, 1.2)
        if isinstance(module, nn.Linear) and not module.weight.any():
            module.weight.normal_(0, 0.1)
    return model.eval()


def main(folder):
    torch.set_num_threads(1)
    torch.manual_seed(7)
    os.makedirs(folder, exist_ok=True)
    zoo = torchvision.models
    image = lambda s: torch.rand(1, 3, s, s)
    nets = {
        "resnet18": (zoo.resnet18(), [image(64)]),
        "resnext": (zoo.resnet50(groups=4, width_per_group=8), [image(64)]),
        "mobilenet_v2": (zoo.mobilenet_v2(width_mult=0.35), [image(64)]),
        "mobilenet_v3": (zoo.mobilenet_v3_small(), [image(64)]),
        "efficientnet": (zoo.efficientnet_b0(), [image(64)]),
        "shufflenet": (zoo.shufflenet_v2_x0_5(), [image(64)]),
        "squeezenet": (zoo.squeezenet1_1(), [image(64)]),
        "mnasnet": (zoo.mnasnet0_5(), [image(64)]),
        "regnet": (zoo.regnet_y_400mf(), [image(64)]),
        "convnext": (torchvision.models.convnext.ConvNeXt(
            [torchvision.models.convnext.CNBlockConfig(16, 32, 1), torchvision.models.convnext.CNBlockConfig(32, None, 1)]),
            [image(64)]),
        "googlenet": (zoo.googlenet(init_weights=False, aux_logits=False), [image(64)]),
        "densenet": (torchvision.models.densenet.DenseNet(8, (2, 2), 16), [image(64)]),
        "vit_tv": (torchvision.models.vision_transformer.VisionTransformer(32, 8, 2, 2, 32, 64, num_classes=10), [image(32)]),
        "swin": (torchvision.models.swin_transformer.SwinTransformer([4, 4], 24, [2, 2], [2, 4], [4, 4]), [image(64)]),
        "lraspp": (torchvision.models.segmentation.lraspp_mobilenet_v3_large(weights_backbone=None), [image(64)]),
        "unet": (UNet(), [image(32)]),
        "vit": (ViT(), [image(32)]),
        "attention": (Attention(), [torch.randn(1, 6, 16)]),
        "tagger": (Tagger(), [torch.randint(0, 50, (1, 7))]),
        "gru": (Gru(), [torch.randn(1, 5, 6)]),
        "ssdlite": (SsdLite(), [image(32)]),
        "yolo": (Yolo(), [image(32)]),
        "two_inputs": (TwoInputs(), [image(8), torch.rand(1, 3, 8, 8)]),
    }
    only = sys.argv[2:]
    for name, (model, inputs) in nets.items():
        if only and name not in only:
            continue
        with torch.no_grad():
            settle(model)
            for way in ("traced", "scripted", "frozen"):
                try:
                    if way == "traced":
                        made = torch.jit.trace(model, tuple(inputs), strict=False)
                    elif way == "scripted":
                        made = torch.jit.script(model)
                    else:
                        made = torch.jit.freeze(torch.jit.script(model))
                except Exception as e:
                    print("cannot be saved:", name, way, str(e)[:300].replace("\n", " "))
                    continue
                path = os.path.join(folder, "%s_%s" % (name, way))
                made.save(path + ".pt")
                results = made(*[x.clone() for x in inputs])
                results = list(results.values()) if isinstance(results, dict) else results
                names = [v.debugName().split(".")[0] for v in made.graph.inputs()][1:]
                with open(path + ".case", "w") as out:
                    out.write("\n".join([text_of("in", k, v.numpy()) for k, v in zip(names, inputs)] +
                                        [text_of("out", "-", v) for v in flat(results)]) + "\n")


if __name__ == "__main__":
    main(sys.argv[1])
