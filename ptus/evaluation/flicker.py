"""Whether a result changes from frame to frame more, or less, than its driver does."""

import numpy as np

from ptus.evaluation.moments import Moment, Values
from ptus.evaluation.regions import means, named


def flicker(before: Moment, now: Moment) -> Values:
    """Temporal L1 (0 to 1) of result and driver, and `flicker`, the one less the other.

    Above 0 the result flickers, below 0 it is too still. Regions are those of the driver's face.
    """
    made, true = (
        means(np.abs(later.astype(np.float32) - earlier).mean(-1) / 255, now.driving_face)
        for later, earlier in ((now.result, before.result), (now.driving, before.driving))
    )
    values = named("temporal_l1", made) | named("temporal_l1_driving", true)
    return values | named("flicker", {region: made[region] - true[region] for region in made})
