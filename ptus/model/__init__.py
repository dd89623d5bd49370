"""The slim PTUS model: parts, motion and its transfer, configurations."""

from ptus.model.config import PRESETS, ModelConfig
from ptus.model.model import PTUS
from ptus.model.motion import Motion, TransferOptions, transfer

__all__ = ["PRESETS", "PTUS", "ModelConfig", "Motion", "TransferOptions", "transfer"]
