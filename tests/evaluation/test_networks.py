"""Measures by networks, whose weights are random here: what holds for any weights."""

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from ptus.errors import UserError
from ptus.evaluation.fid import FidMeter
from ptus.evaluation.identity import IdentityNetwork, similarity
from ptus.evaluation.inception import Inception, _resized
from ptus.evaluation.landmarks import LandmarkDetector, SeenFace, keypoint_distance, motion_distance
from ptus.evaluation.lpips import Lpips, _vgg16
from ptus.evaluation.moments import as_tensor
from ptus.evaluation.regions import EYES, MOUTH, part
from ptus.faces import FaceBox
from tests.evaluation.faces import FewFeatures, moment, noise


@pytest.fixture(scope="module")
def vgg(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("weights") / "vgg.safetensors"
    torch.manual_seed(0)
    weights = {f"features.{name}": tensor.contiguous() for name, tensor in _vgg16()[0].state_dict().items()}
    save_file({**weights, "classifier.0.bias": torch.zeros(4)}, path)
    return path


def test_vgg_is_numbered_as_torchvision_numbers_it(vgg: Path) -> None:
    numbers = sorted({int(name.split(".")[1]) for name in Lpips(vgg).state_dict() if name.startswith("features")})
    assert numbers == [0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28]
    assert Lpips(vgg).ends == {3, 8, 15, 22, 29}


def test_lpips_is_a_distance(vgg: Path) -> None:
    lpips = Lpips(vgg)
    one, other = as_tensor(noise(1, 48)), as_tensor(noise(2, 48))
    assert float(lpips(one, one)) == 0
    assert float(lpips(one, other)) == pytest.approx(float(lpips(other, one))) != 0
    near = one + 0.1 * (other - one)
    assert 0 < float(lpips(one, near)) < float(lpips(one, other))
    small = noise(1, 48)
    assert lpips.measure(moment(small, small)) == {"lpips": 0}


def test_lpips_is_that_of_torchmetrics(vgg: Path) -> None:
    """Its own network needs torchvision; its comparison of features does not."""
    from torchmetrics.functional.image import lpips as theirs

    class Features(torch.nn.Module):
        def __init__(self, own: Lpips) -> None:
            super().__init__()
            self.own = own

        def forward(self, pictures: Tensor) -> list[Tensor]:
            found = []
            for index, layer in enumerate(self.own.features):
                pictures = layer(pictures)
                if index in self.own.ends:
                    found.append(pictures)
            return found

    own = Lpips(vgg)
    original = theirs.Vgg16
    theirs.Vgg16 = lambda **options: Features(own)  # type: ignore[misc, assignment]
    try:
        judge = theirs._LPIPS(net="vgg")
    finally:
        theirs.Vgg16 = original  # type: ignore[misc]
    one, other = as_tensor(noise(1, 48)), as_tensor(noise(2, 48))
    assert float(own(one, other)) == pytest.approx(float(judge(one, other, normalize=True)), rel=1e-5)


def test_fid_of_known_distributions() -> None:
    """FID of normal distributions is the squared distance of means, and the difference of their widths squared."""
    levels = np.random.default_rng(0).integers(60, 120, (40, 2))

    def flat(first: float, second: float) -> np.typing.NDArray[np.uint8]:
        return np.broadcast_to(np.array((first, second, 0), np.uint8), (8, 8, 3)).copy()

    meter = FidMeter(FewFeatures(), ["same", "moved", "wider"])  # type: ignore[arg-type]
    for one, other in levels:
        driving = flat(one, other)
        results = {"same": driving, "moved": flat(one + 3, other + 4), "wider": flat(2 * one, other)}
        meter.add({name: moment(result, driving) for name, result in results.items()})
    assert meter.frames == 40
    found = meter.values
    assert found["same"] == pytest.approx(0, abs=1e-3)
    assert found["moved"] == pytest.approx(25, abs=1e-3)
    covariances = [np.cov(levels * scale, rowvar=False) for scale in ((1, 1), (2, 1))]
    eigenvalues = np.linalg.eigvals(covariances[0] @ covariances[1])
    wider = levels[:, 0].mean() ** 2 + np.trace(sum(covariances)) - 2 * np.sqrt(eigenvalues).sum()
    assert found["wider"] == pytest.approx(float(wider), rel=1e-3)


def test_inception_has_the_published_number_of_parameters(monkeypatch: pytest.MonkeyPatch) -> None:
    """23,834,568 without the auxiliary classifier, less 2048 × 1000 + 1000 of the classifier."""
    monkeypatch.setattr("ptus.evaluation.inception.load_weights", lambda network, *rest: network.eval())
    network = Inception(Path("none"))
    assert sum(parameter.numel() for parameter in network.parameters()) == 23_834_568 - 2_049_000
    assert network(torch.zeros(2, 3, 64, 64, dtype=torch.uint8)).shape == (2, 2048)


def test_its_pictures_are_resized_as_tensorflow_did() -> None:
    """Point i of 299 is read at i · 4 / 299, with the last pixel held."""
    row = torch.tensor([0.0, 10.0, 20.0, 40.0])
    resized = _resized(row.expand(1, 1, 4, 4))[0, 0, 7]
    at = np.arange(299) * 4 / 299
    np.testing.assert_allclose(resized, np.interp(at, np.arange(4), row.numpy()), atol=1e-4)


def test_weights_that_lack_some(tmp_path: Path) -> None:
    path = tmp_path / "empty.safetensors"
    save_file({"x": torch.zeros(1)}, path)
    with pytest.raises(UserError, match=r"--fid-weights .* expected Conv2d_1a_3x3.conv.weight \(32, 3, 3, 3\)"):
        Inception(path)


@pytest.mark.parametrize("network", [Lpips, Inception, LandmarkDetector, IdentityNetwork])
def test_files_that_are_no_weights(network: type, tmp_path: Path) -> None:
    words = tmp_path / "words.safetensors"
    words.write_text("no weights")
    for path, says in ((words, "is not"), (tmp_path / "none", "there is no such file")):
        with pytest.raises(UserError, match=says) as caught:
            network(path)
        assert ("\n" not in str(caught.value) and "give" in str(caught.value)) or "convert" in str(caught.value)


def _face(landmarks: list[tuple[float, float]], width: float = 50) -> SeenFace:
    return SeenFace(np.array([0, 0, width, width, *np.ravel(landmarks), 1], np.float32))


def test_distances_of_landmarks() -> None:
    points = [(10.0, 10.0), (40.0, 10.0), (25.0, 25.0), (15.0, 40.0), (35.0, 40.0)]
    moved = [(x + 3, y + 4) for x, y in points]
    assert keypoint_distance(_face(moved), _face(points)) == {"akd": pytest.approx(5)}
    twice = [(100 + 2 * x, 2 * y) for x, y in points]
    twice_moved = [(100 + 2 * x, 2 * y) for x, y in moved]
    followed = motion_distance(_face(twice_moved, 100), _face(moved), _face(twice, 100), _face(points))
    assert followed == {"akd_motion": pytest.approx(0, abs=1e-6)}
    still = motion_distance(_face(twice, 100), _face(moved), _face(twice, 100), _face(points))
    assert still == {"akd_motion": pytest.approx(0.1)}


def test_eye_and_mouth_boxes_are_about_the_landmarks() -> None:
    box = FaceBox(30, 20, 80, 90)
    (left, right), mouth = ((part(box, eye).centre for eye in EYES), part(box, MOUTH).centre)
    face = _face([left, right, box.centre, (mouth[0] - 12, mouth[1]), (mouth[0] + 12, mouth[1])])
    assert face.box == pytest.approx(box, abs=1e-4)


def test_similarity_of_embeddings() -> None:
    one, other = np.array((1, 0), np.float32), np.array((0.6, 0.8), np.float32)
    assert similarity(one, one) == {"csim": 1, "aed": 0}
    assert similarity(one, other) == {"csim": pytest.approx(0.6), "aed": pytest.approx(0.8**0.5)}
