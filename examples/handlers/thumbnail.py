#!/usr/bin/env python3
"""A persistent handler: makes thumbnails. Args: the name of a picture. Needs python3-pil.

    darg-worker --handler 'thumbnail=stream:python3 thumbnail.py PICTURES THUMBNAILS'
    ls PICTURES | darg push thumbnail --lines --wait

Jobs choose nothing but a name: both folders, and the SIZE that may follow them, stand on the command
line. See docs/handlers.md.
"""
import json
import os
import sys

from PIL import Image, ImageOps, UnidentifiedImageError

FORMATS = ("JPEG", "PNG", "WEBP")
MAX_PIXELS = 100_000_000  # a small file may unfold to more than there is memory


class NeverMind(Exception):
    """The job cannot be done, however often it is tried."""


def open_inside(folder, name):
    """The file of this name in the folder itself, which no link leads out of."""
    if not isinstance(name, str) or not name or name[0] == "." or "/" in name or "\0" in name:
        raise NeverMind("args must be the name of a file, without a folder")
    directory = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        # O_NONBLOCK: to open a FIFO would wait for its writer.
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        return os.fdopen(os.open(name, flags, dir_fd=directory), "rb")
    except OSError as reason:
        raise NeverMind(f"cannot read this picture: {reason.strerror}") from reason
    finally:
        os.close(directory)


def shrink(file, size):
    try:
        image = Image.open(file, formats=FORMATS)
    except (UnidentifiedImageError, Image.DecompressionBombError) as reason:
        raise NeverMind("this is no picture, or none that I know") from reason
    if image.width * image.height > MAX_PIXELS:
        raise NeverMind(f"{image.width} x {image.height} pixels are too many")
    format_ = image.format
    image.draft("RGB", (2 * size, 2 * size))  # a JPEG need not be read in all its detail
    image = ImageOps.exif_transpose(image)  # upright, whatever way the camera was held
    if format_ == "JPEG" and image.mode not in ("RGB", "L"):
        image = image.convert("RGB")
    image.thumbnail((size, size))
    return image, format_


def save(image, format_, path):
    """Under a name of its own first: nobody sees half a picture, even if this process is killed."""
    folder, name = os.path.split(path)
    unfinished = os.path.join(folder, f".{name}.{os.getpid()}")
    try:
        with open(unfinished, "wb") as file:
            image.save(file, format_)
            file.flush()
            os.fsync(file.fileno())
        os.rename(unfinished, path)
    except BaseException:
        if os.path.exists(unfinished):
            os.unlink(unfinished)
        raise


def handle(job, pictures, thumbnails, size):
    """The work itself: takes the job, returns the result."""
    name = job["args"]
    with open_inside(pictures, name) as file:
        image, format_ = shrink(file, size)
    say({"id": job["id"], "progress": 50})
    path = os.path.join(thumbnails, name)
    save(image, format_, path)
    return {"path": path, "width": image.width, "height": image.height}


def say(message):
    # One line each, and flushed: the worker waits for it.
    sys.stdout.write(json.dumps(message) + "\n")
    sys.stdout.flush()


def answer(job, *settings):
    try:
        return {"id": job["id"], "done": handle(job, *settings)}
    except NeverMind as reason:
        return {"id": job["id"], "bury": str(reason)}
    except Exception as reason:  # anything else, as a full disk, may go better the next time
        return {"id": job["id"], "retry": repr(reason)}


def main():
    if len(sys.argv) not in (3, 4):
        sys.exit("usage: thumbnail.py PICTURES THUMBNAILS [SIZE]")
    pictures, thumbnails = (os.path.abspath(path) for path in sys.argv[1:3])
    size = int(sys.argv[3]) if len(sys.argv) > 3 else 160
    hello = json.loads(sys.stdin.readline() or "{}")
    if hello.get("darg") != 1:
        sys.exit("thumbnail.py knows version 1 of the protocol only")
    for line in iter(sys.stdin.readline, ""):
        say(answer(json.loads(line), pictures, thumbnails, size))
    # The end of input: there will be no more jobs.


if __name__ == "__main__":
    main()
