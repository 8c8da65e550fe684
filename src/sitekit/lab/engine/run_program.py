"""Runs one Pulumi program in this process; started by path, with the program's own Python.

That Python needs the Pulumi SDK and nothing of sitekit. Exit codes: 0 the program ended well, 1 it
did not, 32 it did not and the reason has been reported to the engine.
"""

import sys

if __name__ == "__main__":
    sys.path.pop(0)  # the folder of this file, whose modules are not for the program

import argparse
import asyncio
import atexit
import logging
import os
import runpy
import threading
import time
import traceback
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

REPORTED = 32
SECONDS_BETWEEN_LOOKS = 1.0


def main() -> int:
    """Run the program that the command line names."""
    options = _options()
    threading.Thread(target=_end_with, args=(os.getppid(),), daemon=True).start()
    try:
        import pulumi
        import pulumi.runtime
    except ImportError:
        traceback.print_exc()
        print(  # noqa: T201
            "the Pulumi SDK is not installed for this Python: "
            f"{sys.executable} -m pip install pulumi",
            file=sys.stderr,
        )
        return 1
    pulumi.runtime.set_all_config(
        pulumi.runtime.get_config_env(), pulumi.runtime.get_config_secret_keys_env()
    )
    pulumi.runtime.configure(
        pulumi.runtime.Settings(
            monitor=options.monitor,
            engine=options.engine,
            project=options.project,
            stack=options.stack,
            parallel=options.parallel,
            dry_run=options.dry_run == "true",
            organization=options.organization,
            root_directory=options.root_directory,
        )
    )
    sys.argv = [options.program]
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    threads = ThreadPoolExecutor(max_workers=max(options.parallel, 1) * 4)
    loop.set_default_executor(threads)
    # A program that fails leaves tasks behind that nobody asks any more: not worth a message each.
    logging.getLogger("asyncio").setLevel(logging.CRITICAL)
    try:

        def program() -> None:
            runpy.run_path(options.program, run_name="__main__")

        loop.run_until_complete(pulumi.runtime.run_in_stack(program))
        return 0
    except pulumi.RunError as error:
        pulumi.log.error(str(error))
        return 1
    except Exception as error:
        pulumi.log.error(
            f"Program failed with an unhandled exception:\n{_own(error, options.program)}"
        )
        return REPORTED
    finally:
        threads.shutdown(wait=True)
        loop.close()


def _end_with(engine: int) -> None:
    """End when the engine that started this program is gone: nobody hears it any more."""
    while os.getppid() == engine:
        time.sleep(SECONDS_BETWEEN_LOOKS)
    os._exit(1)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    for name in ("monitor", "engine", "project", "stack", "organization", "root_directory"):
        parser.add_argument(f"--{name}")
    parser.add_argument("--parallel", type=int, default=1)
    parser.add_argument("--dry_run", default="false")
    parser.add_argument("program")
    return parser.parse_args()


def _own(error: Exception, program: str) -> str:
    """The traceback, from the program's first line on."""
    start = Path(program).resolve()
    if start.is_dir():
        start = start / "__main__.py"
    skip = 0
    step = error.__traceback__
    while step is not None and Path(step.tb_frame.f_code.co_filename).resolve() != start:
        skip += 1
        step = step.tb_next
    if step is None:  # the program has not begun: it cannot be found or read
        return "".join(traceback.format_exception_only(error))
    lines = traceback.TracebackException.from_exception(error)
    lines.stack = traceback.StackSummary.from_list(lines.stack[skip:])
    return "".join(lines.format())


if __name__ == "__main__":
    code = main()
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    # Taking down a thousand generated modules one by one costs more than half a second.
    os._exit(code)
