#!/usr/bin/env python3
"""Draws the pictures of this folder again, from nothing but arithmetic. Needs python3-pil.

    python3 examples/pictures/draw.py examples/pictures
"""
import math
import random
import sys
from pathlib import Path

from PIL import Image, ImageDraw, ImageFilter


def mix(one, other, share):
    return tuple(round(a + (b - a) * share) for a, b in zip(one, other))


def ridge(rng, width, base, height, rough):
    """The outline of a range of hills: a height for each column."""
    waves = [(rng.uniform(0.5, 3) * 2**i, rng.uniform(0, 7), height / 2**i) for i in range(rough)]
    return [base - sum(h * math.sin(f * math.pi * x / width + p) for f, p, h in waves)
            for x in range(width)]


def landscape(width, height, seed, sky, ground):
    """Hills behind hills in haze, under a low sun."""
    rng = random.Random(seed)
    image = Image.new("RGB", (width, height))
    draw = ImageDraw.Draw(image)
    for y in range(height):
        draw.line((0, y, width, y), fill=mix(sky[0], sky[1], y / height))
    sun = (0.7 * width, 0.3 * height, 0.05 * width)
    draw.ellipse((sun[0] - sun[2], sun[1] - sun[2], sun[0] + sun[2], sun[1] + sun[2]),
                 fill=(255, 244, 214))
    image = image.filter(ImageFilter.GaussianBlur(2))
    draw = ImageDraw.Draw(image)
    for layer in range(5):
        near = layer / 4
        tops = ridge(rng, width, height * (0.5 + 0.11 * layer), height * 0.05, 3 + layer)
        for x, top in enumerate(tops):
            draw.line((x, top, x, height), fill=mix(sky[1], ground, 0.25 + 0.75 * near))
    grain = Image.effect_noise((width, height), 24).convert("RGB")
    return Image.blend(image, grain, 0.04)


def diagram(size):
    """Discs that let each other shine through, on nothing: a picture with an alpha channel."""
    image = Image.new("RGBA", (size, size), (0, 0, 0, 0))
    for i, colour in enumerate([(214, 69, 65), (38, 166, 91), (65, 131, 215)]):
        disc = Image.new("RGBA", (size, size), (0, 0, 0, 0))
        angle = 2 * math.pi * i / 3
        x, y = (size * (0.5 + 0.17 * f(angle)) for f in (math.sin, math.cos))
        radius = size * 0.28
        ImageDraw.Draw(disc).ellipse((x - radius, y - radius, x + radius, y + radius),
                                     fill=colour + (150,))
        image = Image.alpha_composite(image, disc)
    return image


def main():
    folder = Path(sys.argv[1])
    hills = landscape(720, 480, 7, ((92, 142, 196), (246, 214, 178)), (24, 44, 40))
    hills.save(folder / "hills.jpg", quality=60)
    # As a camera held upright writes it: lying, with a note that it is to be turned (EXIF, 6).
    tower = landscape(400, 600, 11, ((64, 60, 110), (240, 140, 110)), (30, 22, 40))
    ImageDraw.Draw(tower).polygon([(150, 600), (162, 230), (180, 200), (198, 230), (210, 600)],
                                  fill=(28, 22, 34))
    exif = Image.Exif()
    exif[0x0112] = 6
    tower.transpose(Image.Transpose.ROTATE_90).save(folder / "tower.jpg", quality=60, exif=exif)
    diagram(360).save(folder / "discs.png", optimize=True)


main()
