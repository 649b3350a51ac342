"""Draws landscapes for tests and for the pictures in the docs: each seed is another place and hour."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

# Sky at the top and at the horizon, the far and the near hills, the light.
PALETTES = {
    "dawn": ((72, 84, 140), (255, 190, 150), (150, 120, 150), (40, 44, 74), (255, 226, 190)),
    "noon": ((52, 120, 200), (190, 222, 242), (130, 160, 180), (52, 96, 60), (255, 252, 235)),
    "dusk": ((38, 36, 84), (246, 128, 84), (112, 74, 110), (26, 20, 44), (255, 206, 130)),
    "night": ((8, 12, 34), (40, 56, 104), (28, 40, 76), (8, 12, 26), (232, 236, 250)),
    "autumn": ((120, 156, 190), (240, 220, 190), (190, 140, 96), (120, 58, 28), (255, 244, 214)),
    "winter": ((150, 176, 206), (236, 240, 246), (190, 204, 220), (96, 112, 136), (255, 255, 255)),
    "tropics": ((14, 130, 190), (160, 230, 230), (70, 150, 140), (14, 92, 70), (255, 250, 214)),
    "mist": ((150, 162, 166), (226, 228, 222), (176, 186, 186), (76, 92, 90), (250, 248, 236)),
}


def ridge(random: np.random.Generator, width: int, roughness: float) -> NDArray[np.float64]:
    """A mountain line in -1..1: octaves of smooth noise, each half as high and twice as fine."""
    line = np.zeros(width)
    across = np.linspace(0, 1, width)
    for octave in range(7):
        points = 2 + 2**octave
        line += roughness**octave * np.interp(across, np.linspace(0, 1, points), random.uniform(-1, 1, points))
    return line / np.abs(line).max()


def landscape(width: int = 1600, height: int = 1067, seed: int = 0) -> Image.Image:
    """A landscape in RGB; deterministic for width, height and seed."""
    random = np.random.default_rng(seed)
    name = list(PALETTES)[int(random.integers(len(PALETTES)))]
    top, horizon, far, near, light = (np.array(colour, dtype=float) for colour in PALETTES[name])
    rows = np.linspace(0, 1, height)[:, None, None]
    level = random.uniform(0.5, 0.68)
    share = np.clip(rows / level, 0, 1) ** 1.3
    pixels = np.broadcast_to(top * (1 - share) + horizon * share, (height, width, 3)).copy()
    y, x = np.mgrid[0:height, 0:width]

    sun_x, sun_y = random.uniform(0.15, 0.85) * width, random.uniform(0.12, level * 0.85) * height
    distance = np.hypot(x - sun_x, y - sun_y) / height
    radius = random.uniform(0.025, 0.05)
    pixels += ((light - pixels) * np.exp(-((distance / 0.22) ** 2))[..., None]) * 0.55
    pixels[distance < radius] = light
    if name == "night":
        for _ in range(260):
            pixels[int(random.uniform(0, level * 0.8) * height), int(random.uniform(0, width - 1))] = light

    has_lake = bool(random.random() < 0.45)
    layers = int(random.integers(3, 6))
    for layer in range(layers):
        depth = layer / (layers - 1)
        base = level + (0.02 if has_lake else 0.36) * depth
        amplitude = 0.16 * (1 - 0.55 * depth) if not has_lake or layer < layers - 1 else 0.05
        line = (base - amplitude * (0.5 + 0.5 * ridge(random, width, 0.52))) * height
        colour = far * (1 - depth) + near * depth
        inside = y > line[None, :]
        shade = 1 - 0.25 * np.clip((y - line[None, :]) / (0.4 * height), 0, 1)
        pixels[inside] = (colour * shade[..., None])[inside]
        if depth > 0.7 and not has_lake:
            _plant_trees(pixels, random, line, near * 0.72)
    if has_lake:
        _reflect(pixels, random, int((level + 0.03) * height))
    grain = random.normal(0, 2.5, (height, width, 1))
    image = Image.fromarray(np.clip(pixels + grain, 0, 255).astype(np.uint8))
    return image.filter(ImageFilter.GaussianBlur(0.6))


def _plant_trees(
    pixels: NDArray[np.float64], random: np.random.Generator, line: NDArray[np.float64], colour: NDArray[np.float64]
) -> None:
    height, width, _ = pixels.shape
    for _ in range(int(random.integers(30, 120))):
        x = int(random.integers(0, width))
        size = int(random.uniform(0.02, 0.09) * height)
        foot = int(line[x] + random.uniform(0, 0.18) * height)
        for step in range(size):
            row, half = foot - size + step, int((0.16 + 0.06 * (step % 7 < 4)) * step)
            if 0 <= row < height:
                pixels[row, max(0, x - half) : x + half + 1] = colour


def _reflect(pixels: NDArray[np.float64], random: np.random.Generator, shore: int) -> None:
    """Mirrors what stands above the shore, darker and broken by ripples."""
    height = pixels.shape[0]
    for row in range(shore, height):
        source = max(0, 2 * shore - row - 1)
        ripple = int(3 * np.sin(row * 0.9) + random.normal(0, 1.2) * (row - shore) / height * 18)
        pixels[row] = np.roll(pixels[source], ripple, axis=0) * 0.82 + np.array([6, 14, 22])


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(int(sys.argv[2])):
        landscape(seed=number).save(folder / f"scene-{number:03}.jpg", quality=90)
