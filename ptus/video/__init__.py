"""Videos in and out, a frame at a time, with their exact times."""

from ptus.video.frames import TimedFrame
from ptus.video.reading import VideoReader
from ptus.video.writing import VideoWriter

__all__ = ["TimedFrame", "VideoReader", "VideoWriter"]
