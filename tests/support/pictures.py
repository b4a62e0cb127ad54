"""Pictures that tests take, for the documentation: ``make screenshots`` says where that is."""

from __future__ import annotations

import io
import os
from collections.abc import Sequence
from pathlib import Path

COLOURS = 256
"""At most: that is a third of the size."""


def picture(name: str, otherwise: Path) -> Path:
    """The file of a picture.

    :param name: its path in the documentation: ``ui/execution-light.png``.
    :param otherwise: the folder where it is put in a test that is only a test.
    """
    path = Path(os.environ.get("PICTURES") or otherwise) / name
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


def save(screenshots: Sequence[bytes], path: Path, *, seconds: Sequence[float] = ()) -> None:
    """Write screenshots of one size into one file, with the same colours in all of them.

    :param path: where to; its ending says the form.
    :param seconds: how long each is shown, where they are several; the last one is followed by the first again.
    """
    from PIL import Image  # the oldest Airflow's environment has none

    frames = [Image.open(io.BytesIO(screenshot)).convert("RGB") for screenshot in screenshots]
    width, height = frames[0].size
    sheet = Image.new("RGB", (width, height * len(frames)))
    for number, frame in enumerate(frames):
        sheet.paste(frame, (0, number * height))
    sheet = sheet.quantize(COLOURS, dither=Image.Dither.NONE)
    first, *others = [sheet.crop((0, top, width, top + height)) for top in range(0, sheet.height, height)]
    if others:
        first.save(path, save_all=True, append_images=others, duration=[1000 * each for each in seconds], loop=0)
    else:
        first.save(path, optimize=True)
