"""`ptus animate`."""

import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated, Literal

import torch
import tyro

from ptus.animation.inputs import compute_device, driving_path, open_driving, open_sound, open_source
from ptus.animation.pipeline import Job, write_animation
from ptus.animator import Animator
from ptus.commands.options import Checkpoint, Face, File
from ptus.errors import UserError
from ptus.faces import HaarDetector, YuNetDetector
from ptus.files import check_writable
from ptus.model.motion import TransferOptions
from ptus.model.shipped import SHIPPED
from ptus.stopping import stop_on_signals
from ptus.video import VideoReader


def animate(
    *,
    source: Path,
    driving: str,
    output: Path,
    model: Checkpoint = SHIPPED,
    expression_driving: File = None,
    motion: Literal["relative", "absolute"] = "relative",
    pose: float = 1.0,
    expression: float = 1.0,
    body: float = 1.0,
    audio: Literal["driving", "source", "none"] = "driving",
    paste_back: bool = True,
    side_by_side: bool = False,
    source_face: Face = None,
    driving_face: Face = None,
    expression_face: Face = None,
    face_detector: File = None,
    device: Literal["auto", "cpu", "cuda"] = "auto",
    dtype: Literal["auto", "float32", "bfloat16"] = "auto",
    batch_size: Annotated[int | None, tyro.conf.arg(help_behavior_hint="")] = None,
    compile: bool = False,
    cuda_graphs: bool = False,
) -> None:
    """Animate a photo or video of an upper body as a driving video moves; writes an MP4 file.

    Ctrl-C finishes the file with the frames done so far. Face boxes reach from brows to chin, in pixels of the first
    frame; without them faces are looked for.

    Args:
        source: Photo or video of one person. Of a video, each output frame takes what is shown at its time; the last
            frame is held.
        driving: Video that moves it, one shot of one person; or a camera's number, or a stream's URL: these run until
            Ctrl-C and have no sound.
        output: File to write, *.mp4; its frames have the driving video's times.
        model: Checkpoint, *.safetensors; without it, the one that comes along, slim-256.
        expression_driving: Video that expression and gaze are taken from instead, at the driving video's times.
        motion: Take the driver's change since the first driving frame; or go where the driver is, also as near to the
            camera, which asks for a driver who is framed like the source.
        pose: Strength of the head's motion, 0 to 2.
        expression: Strength of expression and gaze, 0 to 2.
        body: Strength of the body's motion, 0 to 2; with 0 only the face moves.
        audio: Whose sound to keep; it is copied where MP4 can hold it.
        paste_back: Put the result back into the whole source; otherwise write the square around the upper body.
        side_by_side: Show source, driving frame and result beside each other.
        source_face: Where the source's face is.
        driving_face: Where the driver's face is.
        expression_face: Where the face is in the video of --expression-driving.
        face_detector: YuNet's model file, *.onnx, to find faces with; without it, OpenCV's cascades.
        device: Where to compute.
        dtype: Number format; auto takes bfloat16 where the processor computes in it.
        batch_size: Frames at a time; without it, 1 of a camera or live stream, else 16 on a GPU and 2 to 8 on the CPU.
        compile: Compile the model first, which takes minutes.
        cuda_graphs: Record the model as a CUDA graph first, for a GPU that Python cannot keep busy.
    """
    files = {"--source": source, "--driving": driving_path(driving), "--expression-driving": expression_driving}
    check_writable(output, ".mp4", "--output", {**files, "--model": model})
    options = _options(motion, pose, expression, body)
    if batch_size is not None and batch_size < 1:
        raise UserError(f"--batch-size {batch_size} is too few; give at least 1")
    where = compute_device(device, cuda_graphs)
    with stop_on_signals() as stop, ExitStack() as opened:
        source_input = open_source(source)
        if isinstance(source_input, VideoReader):
            opened.enter_context(source_input)
        driver = open_driving(driving)
        opened.callback(driver.close)
        other = None if expression_driving is None else opened.enter_context(VideoReader(expression_driving))
        job = Job(
            source=source_input,
            driving=driver,
            expression=other,
            sound=open_sound(audio, source_input, driver),
            faces=(source_face, driving_face, expression_face),
            options=options,
            paste_back=paste_back,
            side_by_side=side_by_side,
        )
        animator = Animator.from_pretrained(
            model,
            device=where,
            dtype=None if dtype == "auto" else getattr(torch, dtype),
            compile=compile,
            cuda_graphs=cuda_graphs,
            batch_size=1 if batch_size is None and driver.live else batch_size,
            detector=HaarDetector() if face_detector is None else YuNetDetector(face_detector),
        )
        frames = write_animation(job, animator, output, stop)
        for video in (source_input, driver, other):
            if isinstance(video, VideoReader) and (damage := video.damage):
                print(f"ptus: {damage}", file=sys.stderr)
        for lost in animator.lost:
            print(f"ptus: {lost}", file=sys.stderr)
    if frames:
        print(f"{output}: {frames} frames" + (", stopped early" if stop.signal is not None else ""))
    if stop.signal is not None:
        if not frames:
            print("ptus: stopped before the first frame; nothing is written", file=sys.stderr)
        sys.exit(stop.status)


def _options(motion: Literal["relative", "absolute"], pose: float, expression: float, body: float) -> TransferOptions:
    for name, strength in (("--pose", pose), ("--expression", expression), ("--body", body)):
        if not 0 <= strength <= 2:
            raise UserError(f"{name} {strength:g} does not work; give a strength from 0 to 2")
    return TransferOptions(motion == "relative", pose, expression, body)
