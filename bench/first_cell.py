"""Prints the seconds that a new kernel takes for a notebook's first cell, given as the argument."""

import sys
import time

from jupyter_client.manager import start_new_kernel

SECONDS = 90

manager, client = start_new_kernel(kernel_name="twotemp", startup_timeout=SECONDS)
try:
    started = time.monotonic()
    reply = client.execute_interactive(sys.argv[1], timeout=SECONDS, output_hook=lambda message: None)
    print(time.monotonic() - started)
    sys.exit(reply["content"]["status"] != "ok")
finally:
    client.stop_channels()
    manager.shutdown_kernel(now=True)
