"""An emulator that checks IAM and writes down every action that it checked, with its own names for them, which follow
IAM's and not the operations'. Ends with its standard input. Arguments: port, file."""
import os
import sys
import threading

from moto.iam import access_control as control

log = open(sys.argv[2], "a", buffering=1)
check = control.IAMRequestBase.check_action_permitted


def told(self, resource):
    try:
        check(self, resource)
    except Exception:
        log.write(f"denied {self._action}\n")
        raise
    log.write(f"allowed {self._action}\n")


control.IAMRequestBase.check_action_permitted = told
# What is asked here is what may be done, not who signed it.
control.IAMRequestBase.check_signature = lambda self: None
threading.Thread(target=lambda: (sys.stdin.read(), os._exit(0)), daemon=True).start()

from moto.server import main

main(["-H", "127.0.0.1", "-p", sys.argv[1]])
