"""L1, PSNR, SSIM and MS-SSIM with known answers."""

import math

import numpy as np
import pytest

from ptus.evaluation.photometric import MOST_DB, photometric
from tests.evaluation.faces import FACE, SIZE, moment, noise


def test_equal_pictures() -> None:
    picture = noise(1)
    values = photometric(moment(picture, picture))
    for region in ("", "_face", "_eyes", "_mouth"):
        assert values[f"l1{region}"] == 0
        assert values[f"psnr{region}"] == MOST_DB
        assert values[f"ssim{region}"] == pytest.approx(1, abs=1e-6)
    assert values["ms_ssim"] == pytest.approx(1, abs=1e-6)


def test_a_known_difference_everywhere() -> None:
    driving = np.full((SIZE, SIZE, 3), 100, np.uint8)
    values = photometric(moment(driving + np.uint8(51), driving))
    for region in ("", "_face", "_eyes", "_mouth"):
        assert values[f"l1{region}"] == pytest.approx(0.2)
        assert values[f"psnr{region}"] == pytest.approx(-20 * math.log10(0.2), abs=1e-4)


def test_a_difference_in_the_mouth_is_found_there_only() -> None:
    driving = np.full((SIZE, SIZE, 3), 100, np.uint8)
    result = driving.copy()
    x, y = round(FACE.x + FACE.width / 2), round(FACE.y + 0.78 * FACE.height)
    result[y - 2 : y + 2, x - 2 : x + 2] = 255
    values = photometric(moment(result, driving))
    assert values["l1"] == pytest.approx(16 * 155 / 255 / SIZE**2)
    assert values["l1_mouth"] > values["l1_face"] > values["l1"] > 0 == values["l1_eyes"]
    assert values["ssim_mouth"] < values["ssim_face"] < values["ssim"] < 1
    assert values["psnr_eyes"] == MOST_DB > values["psnr"] > values["psnr_mouth"]


def test_ssim_is_that_of_another_package() -> None:
    from skimage.metrics import structural_similarity

    result, driving = noise(1), noise(2)
    own = photometric(moment(result, driving))["ssim"]
    _, full = structural_similarity(  # type: ignore[no-untyped-call]
        result, driving, channel_axis=2, data_range=255, gaussian_weights=True, sigma=1.5,
        use_sample_covariance=False, full=True,
    )  # fmt: skip
    assert own == pytest.approx(full.mean(), abs=1e-3)


def test_small_pictures_have_no_ms_ssim() -> None:
    small = noise(1, 156)
    assert "ms_ssim" not in photometric(moment(small, small))
