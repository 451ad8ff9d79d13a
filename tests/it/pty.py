# Runs a program on a pseudo-terminal. Stdin: JSON {argv, env, columns, rows, steps: [[what to wait for, what to send]]}.
# Stdout: JSON {text, exit, restored}. What is waited for is looked for in the text without escape sequences. Instead of
# something to send, signal:SIGTERM sends that signal to the program.
import fcntl, json, os, pty, re, select, signal, struct, sys, termios, time

order = json.load(sys.stdin)
master, slave = pty.openpty()
fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", order["rows"], order["columns"], 0, 0))
before = termios.tcgetattr(slave)
child = os.fork()
if child == 0:
    os.setsid()
    fcntl.ioctl(slave, termios.TIOCSCTTY, 0)
    for fd in (0, 1, 2):
        os.dup2(slave, fd)
    os.closerange(3, 256)
    os.execve(order["argv"][0], order["argv"], order["env"])

escape = re.compile(rb"\x1b\[[0-9;?]*[A-Za-z]")
raw, at, end = b"", 0, time.time() + 120

def fill(seconds):
    global raw
    ready, _, _ = select.select([master], [], [], seconds)
    if ready:
        try:
            chunk = os.read(master, 65536)
        except OSError:
            return False
        raw += chunk
        return chunk != b""
    return True

failed = None
for wait, send in order["steps"]:
    wait = wait.encode()
    while True:
        text = escape.sub(b"", raw)
        found = text.find(wait, at)
        if found >= 0:
            at = found + len(wait)
            break
        if time.time() > end or os.waitid(os.P_PID, child, os.WEXITED | os.WNOHANG | os.WNOWAIT):
            failed = wait.decode()
            break
        fill(0.05)
    if failed:
        break
    time.sleep(0.05)
    if send.startswith("signal:"):
        os.kill(child, getattr(signal, send[7:]))
    else:
        os.write(master, send.encode())

while time.time() < end and not os.waitid(os.P_PID, child, os.WEXITED | os.WNOHANG | os.WNOWAIT):
    fill(0.05)
    if failed:
        os.kill(child, signal.SIGKILL)
fill(0.1)
if not os.waitid(os.P_PID, child, os.WEXITED | os.WNOHANG | os.WNOWAIT):
    os.kill(child, signal.SIGKILL)
_, status = os.waitpid(child, 0)
while fill(0.05) and select.select([master], [], [], 0)[0]:
    pass
json.dump({"text": raw.decode("utf-8", "replace"), "exit": os.waitstatus_to_exitcode(status),
           "restored": termios.tcgetattr(slave) == before, "missed": failed}, sys.stdout)
