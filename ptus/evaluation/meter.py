"""All measures of one performance, a frame at a time."""

from dataclasses import dataclass
from typing import NamedTuple

from ptus.evaluation.catalogue import Task
from ptus.evaluation.correlation import Correlation
from ptus.evaluation.flicker import flicker
from ptus.evaluation.identity import Embedding, IdentityNetwork, similarity
from ptus.evaluation.landmarks import LandmarkDetector, SeenFace, keypoint_distance, motion_distance
from ptus.evaluation.lpips import Lpips
from ptus.evaluation.moments import Moment, Values
from ptus.evaluation.opening import Opening, OpeningMeter, opening
from ptus.evaluation.optical_flow import end_point_error
from ptus.evaluation.own_keypoints import OwnKeypoints
from ptus.evaluation.photometric import photometric
from ptus.faces import FaceBox, FaceDetector
from ptus.images import Pixels


@dataclass(frozen=True)
class Instruments:
    """What measures need; None for networks whose weights are not there."""

    detector: FaceDetector
    own_keypoints: OwnKeypoints
    lpips: Lpips | None = None
    landmarks: LandmarkDetector | None = None
    identity: IdentityNetwork | None = None


class Means:
    """Means of measures, each over the frames that have it."""

    def __init__(self) -> None:
        self._sums: dict[str, float] = {}
        self._counts: dict[str, int] = {}

    def add(self, values: Values) -> None:
        """Take in what was measured at one frame."""
        for name, value in values.items():
            self._sums[name] = self._sums.get(name, 0.0) + value
            self._counts[name] = self._counts.get(name, 0) + 1

    @property
    def values(self) -> Values:
        """The means."""
        return {name: total / self._counts[name] for name, total in self._sums.items()}


class Observed(NamedTuple):
    """What is seen in a frame of one video."""

    opening: Opening
    face: SeenFace | None
    """None where no face is seen, and where there is no network to see it."""


class Observer:
    """Looks at the frames of one video, one after the other.

    Eye and mouth boxes are placed by landmarks where there is a network that sees them, otherwise by the detector.

    Args:
        instruments: to look with.
        face: about where the face is in the first frame, pixels.
    """

    def __init__(self, instruments: Instruments, face: FaceBox) -> None:
        self._openings = OpeningMeter(instruments.detector, face)
        self._landmarks = instruments.landmarks
        self._box = face

    def observe(self, pixels: Pixels) -> Observed:
        """Look at the next frame (S, S, 3)."""
        if self._landmarks is None:
            return Observed(self._openings.measure(pixels), None)
        face = self._landmarks(pixels)
        self._box = self._box if face is None else face.box
        return Observed(opening(pixels, self._box), face)


class Meter:
    """Measures one method's performance, from one frame to the next; keeps one frame and sums.

    The first frame is where the others start from and is not measured itself: in self-reenactment it is the source.

    Args:
        instruments: shared by all performances.
        task: in self-reenactment the driver's frames are the truth, otherwise only its motion is.
        first: the first frame.
        driving: what is seen in the driver's first frame.
    """

    def __init__(self, instruments: Instruments, task: Task, first: Moment, driving: Observed) -> None:
        self._instruments = instruments
        self._task = task
        self._means = Means()
        self._before = first
        self._observer = Observer(instruments, first.driving_face if task == "self" else first.source_face)
        self._blinking, self._lips = Correlation(), Correlation()
        self._person = self._embedding(first.source) if task == "cross" else None
        result = self._observer.observe(first.result)
        self._first_faces = result.face, driving.face
        self._correlate(result, driving)

    def add(self, now: Moment, driving: Observed) -> Values:
        """Measure the next frame, with what is seen in the driver's; returns what it has by itself."""
        result = self._observer.observe(now.result)
        self._correlate(result, driving)
        values = flicker(self._before, now) | self._of_faces(now, result.face, driving.face)
        if self._task == "self":
            values |= photometric(now) | end_point_error(now) | self._instruments.own_keypoints(now)
            if self._instruments.lpips is not None:
                values |= self._instruments.lpips.measure(now)
        self._means.add(values)
        self._before = now
        return values

    @property
    def values(self) -> Values:
        """Means over the frames, and correlations over time; what could not be measured is left out."""
        values = self._means.values
        for name, correlation in (("blink_correlation", self._blinking), ("lip_correlation", self._lips)):
            if correlation.value is not None:
                values[name] = correlation.value
        return values

    def _correlate(self, result: Observed, driving: Observed) -> None:
        self._blinking.add(result.opening.eyes, driving.opening.eyes)
        self._lips.add(result.opening.mouth, driving.opening.mouth)

    def _embedding(self, pixels: Pixels) -> Embedding | None:
        """Of the person in a picture (S, S, 3)."""
        find, network = self._instruments.landmarks, self._instruments.identity
        face = None if find is None else find(pixels)
        return None if face is None or network is None else network.embed(pixels, face)

    def _of_faces(self, now: Moment, result: SeenFace | None, driving: SeenFace | None) -> Values:
        """What needs a face to be seen in the driver's frame: in the result it may be missed, which is counted."""
        if driving is None:
            return {}
        if result is None:
            return {"faces_missed": 1.0}
        values: Values = {"faces_missed": 0.0}
        first_result, first_driving = self._first_faces
        if self._task == "self":
            values |= keypoint_distance(result, driving)
        elif first_result is not None and first_driving is not None:
            values |= motion_distance(result, driving, first_result, first_driving)
        network = self._instruments.identity
        if network is not None:
            person = network.embed(now.driving, driving) if self._task == "self" else self._person
            if person is not None:
                values |= similarity(network.embed(now.result, result), person)
        return values
