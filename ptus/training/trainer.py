"""One training step, and everything that changes in it."""

from collections.abc import Sequence
from contextlib import nullcontext
from copy import deepcopy

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from ptus.errors import UserError
from ptus.model import PTUS, ModelConfig
from ptus.model.discriminator import Discriminators
from ptus.model.layers import precise
from ptus.training.batch import Batch
from ptus.training.config import TrainingConfig
from ptus.training.losses.adversarial import discriminator_loss
from ptus.training.losses.equivariance import Transform
from ptus.training.objective import Objective, Outcome
from ptus.training.processes import averaged, processes, rank, synchronized

BETAS = (0.5, 0.999)
DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}


class NotFiniteError(Exception):
    """A loss or gradient is no finite number, so that going on would spoil the weights; they are as they were before.

    Args:
        losses: every loss of the step.
    """

    def __init__(self, losses: dict[str, Tensor]) -> None:
        self.losses = {name: float(loss.detach()) for name, loss in losses.items()}
        super().__init__(", ".join(f"{name} {value:.4g}" for name, value in self.losses.items()))


class Trainer:
    """Weights, optimisers and averaged weights.

    Under torch.distributed each process gives batches of its own, and a step is that of one process on all of them:
    batch statistics, gradients and the losses that are told are of all samples.

    Args:
        model_config: of the model to train.
        config: how to train it.
        perceptual: compares pictures.
        device: where to compute.
        init_from: weights to start from; None for random ones.

    Raises:
        UserError: where the model has no module of the name that alone is to be trained.
    """

    def __init__(
        self,
        model_config: ModelConfig,
        config: TrainingConfig,
        perceptual: nn.Module,
        device: torch.device,
        init_from: PTUS | None = None,
    ) -> None:
        self.config = config
        self.device = device
        self.step = 0
        torch.manual_seed(config.seed)
        self.model = (PTUS(model_config) if init_from is None else init_from).to(device)
        for module in self.model.modules():
            if isinstance(module, nn.Conv2d):  # the format in which convolutions are fastest
                module.weight.data = module.weight.data.contiguous(memory_format=torch.channels_last)
        _train_parts(self.model, config.only)
        self.averaged = deepcopy(self.model).eval().requires_grad_(False)
        self.discriminators = Discriminators(model_config.size).to(device)
        learning = [parameter for parameter in self.model.parameters() if parameter.requires_grad]
        self.optimizer = torch.optim.Adam(learning, config.learning_rate, BETAS)
        self.discriminator_optimizer = torch.optim.Adam(
            self.discriminators.parameters(), config.discriminator_learning_rate, BETAS
        )
        self.scaler = torch.amp.GradScaler(device.type, enabled=config.precision == "float16")
        objective = Objective(self.model, perceptual.to(device), config.weights)
        self._objective: nn.Module = objective
        self._judges: nn.Module = self.discriminators
        if dist.is_initialized():
            ids = [device] if device.type == "cuda" else None
            synchronized(self.model, device)
            some_rest = not config.weights.look_at_pictures
            self._objective = DistributedDataParallel(objective, device_ids=ids, find_unused_parameters=some_rest)
            self._judges = DistributedDataParallel(self.discriminators, device_ids=ids)

    def train_step(self, batch: Batch) -> Outcome:
        """Take a step on a batch.

        Raises:
            NotFiniteError: where a loss or the generator's gradient is not finite; nothing has changed then.
            UserError: where no loss depends on the module that alone is to be trained.
        """
        config = self.config
        batch = batch.to(self.device)
        factor = config.learning_rate_factor(self.step)
        self.optimizer.param_groups[0]["lr"] = config.learning_rate * factor
        self.discriminator_optimizer.param_groups[0]["lr"] = config.discriminator_learning_rate * factor
        weights = config.weights
        is_adversarial = self.step >= config.adversarial_from and bool(weights.adversarial or weights.feature_matching)

        random = torch.Generator().manual_seed(config.seed * 1_000_003 + self.step)
        transforms = Transform.random(processes() * len(batch.source), random)
        transform = transforms.part(rank(), processes()).to(self.device)
        self.optimizer.zero_grad(set_to_none=True)
        self.discriminators.requires_grad_(False)
        with self.autocast():
            outcome: Outcome = self._objective(batch, transform, self.discriminators if is_adversarial else None)
        losses = averaged(outcome.losses)
        if not Outcome(losses, outcome.rendered).finite():
            raise NotFiniteError(losses)
        total = outcome.total(weights)
        if not total.requires_grad:
            raise UserError(
                f"only: no loss that is switched on depends on {', '.join(config.only)}; switch one on, or train more"
            )
        self.scaler.scale(total).backward()
        self.scaler.unscale_(self.optimizer)
        norm = nn.utils.clip_grad_norm_(self.model.parameters(), config.clip_norm)
        if not self.scaler.is_enabled() and not norm.isfinite():
            raise NotFiniteError({**losses, "gradient": norm})
        self.scaler.step(self.optimizer)
        self.scaler.update()
        losses = {**losses, "gradient": norm}
        if is_adversarial and outcome.rendered is not None:
            losses |= averaged({"discriminators": self._discriminator_step(batch, outcome.rendered.detach())})
        self._average()
        self.step += 1
        rendered = None if outcome.rendered is None else outcome.rendered.detach()
        return Outcome({name: loss.detach() for name, loss in losses.items()}, rendered)

    def _discriminator_step(self, batch: Batch, rendered: Tensor) -> Tensor:
        self.discriminators.requires_grad_(True)
        self.discriminator_optimizer.zero_grad(set_to_none=True)
        with self.autocast():
            both = torch.cat((batch.driving, rendered))
            judged = self._judges(both, torch.cat((batch.driving_boxes, batch.driving_boxes)))
            halves = [[precise(layer).chunk(2) for layer in layers] for layers in judged]
            real = [[half[0] for half in layers] for layers in halves]
            loss = discriminator_loss(real, [[half[1] for half in layers] for layers in halves])
        loss.backward()
        self.discriminator_optimizer.step()
        return loss.detach()

    def autocast(self) -> torch.autocast | nullcontext[None]:
        """Inside, convolutions are in the precision that is asked for."""
        if self.config.precision == "float32":
            return nullcontext()
        return torch.autocast(self.device.type, DTYPES[self.config.precision])

    @torch.no_grad()
    def _average(self) -> None:
        keep = min(self.config.ema, (self.step + 1) / (self.step + 10))  # early weights are not worth keeping
        for parameter, newest in zip(self.averaged.parameters(), self.model.parameters(), strict=True):
            parameter.lerp_(newest, 1 - keep)
        for buffer, current in zip(self.averaged.buffers(), self.model.buffers(), strict=True):
            # Statistics of the last few batches alone are not those of the averaged weights.
            if buffer.is_floating_point():
                buffer.lerp_(current, 1 - keep)
            else:
                buffer.copy_(current)


def _train_parts(model: PTUS, names: Sequence[str]) -> None:
    """Let modules learn, and no others: not even batch statistics; all of them where there is no name."""
    try:
        parts = [model.get_submodule(name) for name in names or ("",)]
    except AttributeError as error:
        children = ", ".join(child for child, _ in model.named_children())
        raise UserError(f"only: {error}; the model has {children}, and what is in these") from error
    model.eval().requires_grad_(False)
    for part in parts:
        part.train().requires_grad_(True)
