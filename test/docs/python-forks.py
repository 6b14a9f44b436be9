"""Runs Python programs, one after the other, each in a fork of this process, which has imported their libraries once.

A line of standard input is a program: {"file", "folder", "env", "stdout", "stderr", "seconds"}. Its exit status comes back as a line;
one that takes longer than `seconds` is killed, and has the status 124.
"""

import json
import os
import runpy
import signal
import sys
import time

import httpx  # noqa: F401
import openai  # noqa: F401
import requests  # noqa: F401
import tailrace  # noqa: F401


def become(program: dict) -> None:
    os.chdir(program["folder"])
    os.environ.clear()
    os.environ.update(program["env"])
    for path, number in ((os.devnull, 0), (program["stdout"], 1), (program["stderr"], 2)):
        opened = os.open(path, os.O_RDWR | os.O_CREAT)
        os.dup2(opened, number)
        os.close(opened)
    sys.argv = [program["file"]]
    sys.path.insert(0, program["folder"])
    runpy.run_path(program["file"], run_name="__main__")


def wait(child: int, seconds: float) -> int:
    deadline = time.monotonic() + seconds
    pause = 0.005
    while time.monotonic() < deadline:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            return os.waitstatus_to_exitcode(status)
        time.sleep(pause)
        pause = min(pause * 1.5, 0.05)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return 124


for line in sys.stdin:
    program = json.loads(line)
    child = os.fork()
    if child == 0:
        status = 1
        try:
            become(program)
            status = 0
        except SystemExit as exit:
            status = exit.code if isinstance(exit.code, int) else 0 if exit.code is None else 1
        except BaseException:
            import traceback

            traceback.print_exc()
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(status)
    print(wait(child, program["seconds"]), flush=True)
