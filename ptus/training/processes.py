"""What the processes of one run share, so that together they compute what one would from all their samples."""

from typing import cast

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from ptus.model.layers import precise


def processes() -> int:
    """How many there are."""
    return dist.get_world_size() if dist.is_initialized() else 1


def rank() -> int:
    """Which of them this is, from 0."""
    return dist.get_rank() if dist.is_initialized() else 0


def averaged(losses: dict[str, Tensor]) -> dict[str, Tensor]:
    """The mean of each loss over the processes, the same in all of them; without gradients."""
    if processes() == 1 or not losses:
        return losses
    return dict(zip(losses, _mean(torch.stack([precise(loss.detach()) for loss in losses.values()])), strict=True))


class _Mean(torch.autograd.Function):
    """The mean of a tensor over the processes; its gradient is the mean of theirs, since each has a share in each."""

    @staticmethod
    def forward(ctx: object, tensor: Tensor) -> Tensor:
        return _mean(tensor)

    @staticmethod
    def backward(ctx: object, *gradients: Tensor) -> Tensor:
        return _mean(gradients[0])


def _mean(tensor: Tensor) -> Tensor:
    total = tensor.clone(memory_format=torch.contiguous_format)
    dist.all_reduce(total)
    return total / processes()


def synchronized(module: nn.Module, device: torch.device) -> None:
    """Make the batch normalisations of a module, in place, count the samples of all processes."""
    if device.type == "cuda":
        nn.SyncBatchNorm.convert_sync_batchnorm(module)
        return
    for parent in list(module.modules()):
        for name, child in parent.named_children():
            if isinstance(child, _BatchNorm):
                setattr(parent, name, SynchronizedBatchNorm.of(child))


class SynchronizedBatchNorm(_BatchNorm):
    """Batch normalisation over all processes, which all give as many samples: PyTorch's own needs a GPU."""

    @classmethod
    def of(cls, norm: _BatchNorm) -> "SynchronizedBatchNorm":
        """The same normalisation, with the very parameters and buffers of another."""
        made = cls(norm.num_features, norm.eps, norm.momentum, norm.affine, norm.track_running_stats)
        made._parameters, made._buffers = norm._parameters, norm._buffers
        made.training = norm.training
        return made

    def _check_input_dim(self, input: Tensor) -> None:
        """Any number of dimensions will do."""

    def forward(self, input: Tensor) -> Tensor:
        """(B, C, …) → the same shape."""
        if not self.training:
            return super().forward(input)
        features = precise(input)
        others = [0, *range(2, features.dim())]
        shape = [1, -1] + [1] * (features.dim() - 2)
        mean: Tensor = _Mean.apply(features.mean(others))  # type: ignore[no-untyped-call]
        centred = features - mean.view(shape)
        variance: Tensor = _Mean.apply(centred.square().mean(others))  # type: ignore[no-untyped-call]
        self._remember(mean, variance, processes() * features[:, 0].numel())
        scale = (self.weight * (variance + self.eps).rsqrt()).view(shape)
        return torch.addcmul(self.bias.view(shape), centred, scale).to(input.dtype)

    @torch.no_grad()
    def _remember(self, mean: Tensor, variance: Tensor, count: int) -> None:
        cast(Tensor, self.num_batches_tracked).add_(1)
        cast(Tensor, self.running_mean).lerp_(mean, cast(float, self.momentum))
        cast(Tensor, self.running_var).lerp_(variance * count / (count - 1), cast(float, self.momentum))
