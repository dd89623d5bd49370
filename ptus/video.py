"""Videos out: H.264 that plays everywhere, marked as synthetic."""

from contextlib import ExitStack
from fractions import Fraction
from pathlib import Path
from types import TracebackType

import av
from av.video.reformatter import ColorPrimaries, ColorRange, Colorspace, ColorTrc

from ptus.files import replacing
from ptus.images import Pixels


class VideoWriter:
    """Writes frames to an MP4 file, which appears under its name once all of them are in.

        with VideoWriter(path, Fraction(30000, 1001), 512, 512, comment="Synthetic: ...") as video:
            video.write(frame)

    Args:
        path: the file; its folder must exist.
        rate: frames a second, exact.
        width: of every frame, pixels, even (4:2:0 halves the colours).
        height: as `width`.
        comment: what the file's metadata says about it.
        quality: x264's constant rate factor, 0 (lossless) to 51.

    Raises:
        ValueError: for an odd or empty size.
    """

    def __init__(self, path: Path, rate: Fraction, width: int, height: int, *, comment: str, quality: int = 14) -> None:
        if width <= 0 or height <= 0 or width % 2 or height % 2:
            raise ValueError(f"VideoWriter: sides must be even and positive, got {width}×{height}")
        self.shape = (height, width, 3)
        self._resources = ExitStack()
        partial = self._resources.enter_context(replacing(path))
        self._container = av.open(str(partial), "w", format="mp4", options={"movflags": "+faststart"})
        self._resources.callback(self._container.close)
        self._container.metadata.update(comment=comment, description=comment)
        self._stream = self._container.add_stream("libx264", rate, options={"crf": str(quality)})
        self._stream.width, self._stream.height, self._stream.pix_fmt = width, height, "yuv420p"
        # Untagged colours are guessed by size, differently by every player.
        context = self._stream.codec_context
        context.color_range = ColorRange.MPEG
        context.colorspace = Colorspace.ITU709
        context.color_primaries = ColorPrimaries.BT709
        context.color_trc = ColorTrc.BT709

    def write(self, pixels: Pixels) -> None:
        """Append a frame (height, width, 3), RGB.

        Raises:
            ValueError: for a frame of another size.
        """
        if pixels.shape != self.shape:
            raise ValueError(f"VideoWriter: expected a frame of shape {self.shape}, got {pixels.shape}")
        frame = av.VideoFrame.from_ndarray(pixels, format="rgb24")
        frame = frame.reformat(format="yuv420p", dst_colorspace=Colorspace.ITU709, dst_color_range=ColorRange.MPEG)
        self._container.mux(self._stream.encode(frame))

    def __enter__(self) -> "VideoWriter":
        """Start writing."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Finish the file, or remove what was written where the block raised."""
        try:
            if kind is None:
                self._container.mux(self._stream.encode(None))
        finally:
            self._resources.__exit__(kind, error, trace)
