"""Take out of a decoder's residual block the hidden channels that do next to nothing, so that inference skips them.

Where the others can say nearly the same of what real frames give, the block's second convolution is fitted to that anew
by least squares; those that are not needed become zeros, which `ptus.model.inference` leaves out:

    python -m examples.narrow CHECKPOINT OUTPUT CLIP...
"""

import sys
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

import torch
import torch.nn.functional as F
import tyro
from torch import Tensor, nn

from ptus.animation.views import View, Viewer
from ptus.errors import UserError
from ptus.faces import HaarDetector
from ptus.model import PTUS
from ptus.model.checkpoint import load_model, save_model
from ptus.model.layers import ResBlock
from ptus.video import VideoReader

EVERY, FRAMES = 7, 24  # of a clip one in so many, and so many of these
BATCH = 8
TAPS = 9
SHARES = (1 / 4, 1 / 2, 3 / 4)  # of its channels that a block may keep, the least first
LOST = 1e-3  # of the variance of what its second convolution gives, at most
RIDGE = 1e-6  # of the mean square of what is fitted to, against channels that are copies of each other


class Sums:
    """Sums over points that a least-squares fit of a block's second convolution needs.

    Args:
        block: all nine taps of each of its hidden channels, and a constant, are fitted to what that convolution gives.
    """

    def __init__(self, block: ResBlock) -> None:
        self.block = block
        hidden, channels = TAPS * block.second.in_channels + 1, block.second.out_channels
        self.seen = torch.zeros(hidden, hidden, dtype=torch.float64)
        self.given = torch.zeros(hidden, channels, dtype=torch.float64)
        self.squares = torch.zeros(channels, dtype=torch.float64)

    def add(self, _: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        """A forward hook of the convolution."""
        seen = F.pad(F.unfold(inputs[0], 3, padding=1), (0, 0, 0, 1), value=1.0).transpose(0, 1).flatten(1)
        given = output.transpose(0, 1).flatten(1)
        self.seen += (seen @ seen.T).double()
        self.given += (seen @ given.T).double()
        self.squares += given.square().sum(dim=1).double()

    def fit(self, kept: Tensor) -> tuple[Tensor, float]:
        """What the taps of some channels and the constant weigh, (N, channels), and the share of the variance lost."""
        rows = torch.cat(((TAPS * kept[:, None] + torch.arange(TAPS)).flatten(), torch.tensor([-1])))
        seen, given = self.seen[rows][:, rows], self.given[rows]
        weights = torch.linalg.solve(seen + RIDGE * seen.diagonal().mean() * torch.eye(len(seen)), given)
        variance = (self.squares - self.given[-1].square() / self.seen[-1, -1]).sum()
        missed = (self.squares - 2 * (weights * given).sum(dim=0) + (weights * (seen @ weights)).sum(dim=0)).sum()
        return weights.float(), float(missed / variance)

    @torch.no_grad()
    def narrow(self) -> tuple[int, float]:
        """Make zeros of as many channels as may be; returns how many stay, and the share lost."""
        power = self.seen.diagonal()[:-1].unflatten(0, (-1, TAPS)).mean(dim=1)
        order = (power * self.block.second.weight.square().sum(dim=(0, 2, 3))).argsort(descending=True)
        for share in SHARES:
            kept = order[: round(share * len(order))].sort().values
            weights, lost = self.fit(kept)
            if lost < LOST:
                break
        else:
            return len(order), 0.0
        idle = torch.ones(len(order), dtype=torch.bool).index_fill(0, kept, False)
        for parameter in self.block.first.parameters():
            parameter[idle] = 0
        self.block.second.weight.zero_()
        self.block.second.weight[:, kept] = weights[:-1].T.unflatten(1, (len(kept), 3, 3))
        assert self.block.norm.running_mean is not None
        self.block.norm.running_mean -= weights[-1]  # the constant: the convolution itself has none
        return len(kept), lost


def views(clip: Path, size: int) -> Iterator[View]:
    """Some frames of a clip."""
    with VideoReader(clip) as video:
        found = Viewer(HaarDetector(), size, str(clip), "CLIP").views(frame.pixels for frame in video)
        yield from islice(found, 0, EVERY * FRAMES, EVERY)


@torch.no_grad()
def watch(model: PTUS, clip: Sequence[View]) -> None:
    """Render the frames of a clip from its first one."""
    pictures = torch.stack([torch.from_numpy(view.picture.copy()) for view in clip]).permute(0, 3, 1, 2) / 255
    motion = model.estimate(pictures, torch.tensor([view.face for view in clip], dtype=torch.float32))
    appearance = model.encode(pictures[:1])
    for start in range(0, len(clip), BATCH):
        model.render(appearance, motion[:1], motion[start : start + BATCH])


def main(
    checkpoint: tyro.conf.Positional[Path],
    output: tyro.conf.Positional[Path],
    clips: tyro.conf.Positional[tuple[Path, ...]],
    /,
) -> None:
    """Narrow the decoder's block at the volume's side.

    Args:
        checkpoint: of any size.
        output: checkpoint to write, of the same shapes.
        clips: videos of one person each, as `ptus animate` takes them.

    Raises:
        UserError: where one cannot be used, or shows no face, or there is none.
    """
    if not clips:
        raise UserError("there is nothing to fit to; give at least one clip")
    model = load_model(checkpoint)
    seen = [list(views(clip, model.config.size)) for clip in clips]
    block = model.decoder.refine
    sums = Sums(block)
    hook = block.second.register_forward_hook(sums.add)
    for clip in seen:
        watch(model, clip)
    hook.remove()
    kept, lost = sums.narrow()
    print(f"{kept} of {block.second.in_channels} channels stay, {lost:.1e} of the variance is lost")
    save_model(model, output)


if __name__ == "__main__":
    try:
        tyro.cli(main)
    except UserError as error:
        print(f"narrow: {error}", file=sys.stderr)
        sys.exit(2)
