"""Keeps the AWS CLI loaded: each command is a fork of this process, so that a script of many commands costs seconds.

What runs is the CLI's own entry point with the arguments, streams and environment of the caller; only the start of Python
and the loading of the services' models are spared. It ends with its standard input.
"""
import array
import json
import os
import signal
import socket
import sys
import threading

from awscli.clidriver import create_clidriver

threading.Thread(target=lambda: (sys.stdin.read(), os._exit(0)), daemon=True).start()
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
driver = create_clidriver()
for service in ("ec2", "sts", "logs", "iam", "cloudtrail", "s3"):
    driver.session.get_service_model(service)
listener = socket.socket(socket.AF_UNIX)
listener.bind(sys.argv[1])
listener.listen(16)


def answer(peer):
    text, streams = b"", []
    while not text.endswith(b"\0"):
        part, sent, _, _ = peer.recvmsg(1 << 16, socket.CMSG_SPACE(12))
        text += part
        for _, _, data in sent:
            streams += array.array("i", data[:12])
    asked = json.loads(text[:-1])
    os.environ.clear()
    os.environ.update(asked["environment"])
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
    try:
        code = driver.main(asked["arguments"])
    except SystemExit as end:
        code = end.code
    sys.stdout.flush()
    sys.stderr.flush()
    peer.sendall(bytes([code or 0]))


while True:
    caller, _ = listener.accept()
    if os.fork() == 0:
        try:
            answer(caller)
        finally:
            os._exit(0)
    caller.close()
