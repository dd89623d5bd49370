"""`ptus demo`."""

from fractions import Fraction
from pathlib import Path
from statistics import median
from typing import Annotated

import torch
import tyro
from tqdm import tqdm

from ptus.animator import Animator
from ptus.commands.options import Face
from ptus.demo.contact_sheet import contact_sheet
from ptus.demo.lifting import lift
from ptus.demo.matting import cut_out
from ptus.demo.motion import scripted_pose
from ptus.demo.photo import Photo, load_photo
from ptus.demo.rendering import Frame, Renderer
from ptus.demo.segmentation import person_mask
from ptus.demo.space import FaceSpace
from ptus.demo.talking import animate_as_someone_talks, driver_at
from ptus.demo.timing import Comparison, compare_backends
from ptus.errors import UserError
from ptus.images import write_png
from ptus.video import VideoWriter

COMMENT = "Synthetic: a still photograph animated by ptus demo; the person did not move like this."
SIZES = (128, 1024)
SHOWN_FRAMES = 8


def demo(
    *,
    source: Annotated[Path | None, tyro.conf.arg(metavar="PHOTO", help_behavior_hint="")] = None,
    output_dir: Path = Path("out"),
    face: Annotated[
        tuple[int, int, int, int] | None, tyro.conf.arg(metavar="X Y WIDTH HEIGHT", help_behavior_hint="")
    ] = None,
    frames: int = 100,
    fps: int = 25,
    size: int = 512,
    driving: Annotated[Path | None, tyro.conf.arg(metavar="VIDEO", help_behavior_hint="")] = None,
    driving_face: Face = None,
) -> None:
    """Animate a photo of an upper body, twice.

    Without any network, as scripted keypoints move: demo.mp4, and demo.png with what it is made of. Then by the trained
    model, as a person who talks moves: talking.mp4, with the sound, and talking.png.

    Args:
        source: Photo of one person, head and shoulders, facing the camera. Without it, a portrait that comes along.
        output_dir: Folder to write to; made if it is not there.
        face: Where the face is, brows to chin, in pixels of the photo. Without it, the face is looked for.
        frames: Length of demo.mp4; the motion is spread over it, and loops.
        fps: Its frames a second.
        size: Longer side of the videos in pixels, 128 to 1024; smaller photos keep theirs.
        driving: Video file of a person who talks. Without it, a puppet that the demo draws.
        driving_face: Where the face is in it, in pixels of its first frame. Without it, the face is looked for.
    """
    _check_options(frames, fps, size)
    video_path, sheet_path = output_dir / "demo.mp4", output_dir / "demo.png"
    talking_path, talking_sheet_path = output_dir / "talking.mp4", output_dir / "talking.png"
    for path in (video_path, talking_path):
        if driving is not None and path.exists() and driving.exists() and path.samefile(driving):
            raise UserError(f"--driving {driving} would be overwritten; choose another --output-dir")
    photo = load_photo(source, face, size)
    renderer = lifted(photo)
    animator = Animator.from_pretrained()
    with driver_at(driving, driving_face) as driver:
        try:
            output_dir.mkdir(parents=True, exist_ok=True)
            talking = animate_as_someone_talks(photo, driver, animator, talking_path, talking_sheet_path)
            rendered, seconds = _write_video(video_path, renderer, frames, fps)
            comparison = compare_backends(renderer, frames)
            write_png(sheet_path, contact_sheet(photo, renderer, rendered, frames, fps))
        except OSError as error:
            raise UserError(f"cannot write to {output_dir}: {error.strerror}; choose another --output-dir") from error

    height, width = photo.pixels.shape[:2]
    print(f"{video_path}: {frames} frames, {width}×{height}, {fps} fps; {sheet_path}: what they are made of")
    print(_report(seconds, comparison))
    print(talking)


def _check_options(frames: int, fps: int, size: int) -> None:
    for name, value in (("--frames", frames), ("--fps", fps)):
        if value < 1:
            raise UserError(f"{name} {value} is too few; give at least 1")
    if not SIZES[0] <= size <= SIZES[1]:
        raise UserError(f"--size {size} does not work; give {SIZES[0]} to {SIZES[1]} pixels")


def lifted(photo: Photo) -> Renderer:
    """The photo as a volume that can be rendered in other poses."""
    height, width = photo.pixels.shape[:2]
    space = FaceSpace(width, height, photo.face)
    mask = person_mask(photo.pixels, space)
    return Renderer(cut_out(photo.pixels, mask, photo.face.width), lift(mask, space), space)


def _write_video(path: Path, renderer: Renderer, frames: int, fps: int) -> tuple[dict[int, Frame], list[float]]:
    """Render and write every frame; the frames to show, by number, and the seconds spent in ops for each."""
    shown = {(2 * index + 1) * frames // (2 * SHOWN_FRAMES) for index in range(SHOWN_FRAMES)}
    kept, seconds = {}, []
    with VideoWriter(path, Fraction(fps), renderer.space.width, renderer.space.height, comment=COMMENT) as video:
        for number in tqdm(range(frames), desc="frames", unit="frame", disable=None):
            frame = renderer.render(scripted_pose(number / frames))
            video.write(frame.pixels)
            seconds.append(frame.seconds)
            if number in shown:
                kept[number] = frame
    return kept, seconds


def _report(seconds: list[float], comparison: Comparison | None) -> str:
    milliseconds = f"{1000 * median(seconds):.0f} ms a frame (median of {len(seconds)})"
    if comparison is None:
        return f"ops in plain PyTorch: {milliseconds}; ptus_kernels.info() says why no kernels ran"
    fused, eager = 1000 * median(comparison.fused), 1000 * median(comparison.eager)
    return (
        f"fused ops: {milliseconds}\n"
        f"on the same {len(comparison.fused)} frames, in turns, {torch.get_num_threads()} threads: "
        f"fused {fused:.0f} ms, eager PyTorch {eager:.0f} ms, {eager / fused:.1f} times as long; "
        f"pictures at most {comparison.largest_difference} of 255 levels apart"
    )
