"""Run an entry point in a cell of an ipykernel: `python kernel_cell.py FAILURE PACKAGE ENTRY_POINT ARGUMENT…`.

It imports only packages of a Databricks Runtime, because the runtime's own Python runs it.
"""

import contextlib
import json
import queue
import signal
import sys
from pathlib import Path
from types import FrameType
from typing import Any

from jupyter_client.manager import start_new_kernel

# Like the code that Databricks generates for a wheel task: the entry point's return value is dropped.
_CELL = """
import importlib.metadata, sys
sys.argv = {argv!r}
[_found] = importlib.metadata.distribution({package!r}).entry_points.select(name={entry_point!r})
_ = _found.load()()
"""


def main(failure: Path, package: str, entry_point: str, arguments: list[str]) -> int:
    """Return 0 if the cell succeeds, else write the error as `run_task` does and return 1.

    SIGTERM interrupts the kernel, as cancelling a run does.
    """
    manager, client = start_new_kernel(kernel_name="python3")

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        manager.interrupt_kernel()

    signal.signal(signal.SIGTERM, interrupt)
    signal.signal(signal.SIGINT, interrupt)
    try:
        code = _CELL.format(argv=[entry_point, *arguments], package=package, entry_point=entry_point)
        reply = _execute(client, code)
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
    if reply["status"] == "ok":
        return 0
    trace = "\n".join(reply.get("traceback", []))
    print(trace, file=sys.stderr, flush=True)
    failure.write_text(json.dumps({"error": f"{reply['ename']}: {reply['evalue']}", "error_trace": trace}))
    return 1


def _execute(client: Any, code: str) -> dict[str, Any]:
    """Execute a cell, pass on its output while it runs, and return the reply."""
    request = client.execute(code, store_history=False)
    while True:
        with contextlib.suppress(queue.Empty):
            message = client.get_iopub_msg(timeout=0.2)
            if message["parent_header"].get("msg_id") == request:
                content = message["content"]
                if message["msg_type"] == "stream":
                    print(content["text"], end="", file=getattr(sys, content["name"]), flush=True)
                elif message["msg_type"] == "status" and content["execution_state"] == "idle":
                    return _reply(client, request)
        if not client.is_alive():
            return {"status": "error", "ename": "DeadKernelError", "evalue": "the kernel's process has ended"}


def _reply(client: Any, request: str) -> dict[str, Any]:
    while True:
        message = client.get_shell_msg(timeout=60)
        if message["parent_header"].get("msg_id") == request:
            return dict(message["content"])


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), sys.argv[2], sys.argv[3], sys.argv[4:]))
