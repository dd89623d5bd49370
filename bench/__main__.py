"""`python -m bench [run|animate|report|compare|gate] …`: measures, draws figures, holds two runs together."""

import sys
from importlib import import_module

from ptus.waiting import wait_asleep

COMMANDS = {
    "run": "bench.run",
    "animate": "bench.animate",
    "report": "bench.report",
    "compare": "bench.compare",
    "gate": "bench.gate",
}


def main(arguments: list[str]) -> int:
    """Call the command that the first argument names: `run` where that is an option or missing."""
    if arguments[:1] == ["animate"]:
        wait_asleep()  # as `ptus` does
    name, rest = ("run", arguments) if not arguments or arguments[0].startswith("-") else (arguments[0], arguments[1:])
    if name not in COMMANDS:
        print(f"bench: expected one of {', '.join(COMMANDS)}, got {name!r}", file=sys.stderr)
        return 2
    result: int = import_module(COMMANDS[name]).main(rest)
    return result


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
