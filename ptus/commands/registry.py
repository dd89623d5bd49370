"""Which sub-commands `ptus` has."""

from collections.abc import Callable

from ptus.commands.animate import animate
from ptus.commands.demo import demo
from ptus.commands.evaluate import evaluate
from ptus.commands.info import info
from ptus.commands.init import init
from ptus.commands.prepare import prepare
from ptus.commands.train import train

COMMANDS: dict[str, Callable[..., None]] = {
    "animate": animate,
    "demo": demo,
    "evaluate": evaluate,
    "info": info,
    "init": init,
    "prepare": prepare,
    "train": train,
}
