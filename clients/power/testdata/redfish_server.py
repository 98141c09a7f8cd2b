"""redfish_server.py FOLDER: the Redfish emulator sushy-tools with its fake systems, over TLS and with its own user file.

FOLDER holds server.crt, server.key and users ("name:password"); state goes there, too. Prints "PORT <n>" once it listens on a free port of
the loopback interface; ends when its standard input is closed, so that a test that dies leaves nothing behind.
"""
import logging
import os
import ssl
import sys
import threading
from pathlib import Path

import bcrypt
from sushy_tools.emulator import main
from sushy_tools.emulator.resources.systems import fakedriver
from werkzeug.serving import make_server

APPLY_SECONDS = 2  # the emulator takes 1 to 11 at random; always more than an instant, so that an order is seen not to be a proof

logging.getLogger("werkzeug").setLevel(logging.ERROR)
folder = Path(sys.argv[1])
users = folder / "users.bcrypt"
with users.open("w") as hashed:
    for line in (folder / "users").read_text().split():
        name, password = line.split(":", 1)
        hashed.write(f"{name}:{bcrypt.hashpw(password.encode(), bcrypt.gensalt(4)).decode()}\n")

fakedriver.random.randint = lambda low, high: APPLY_SECONDS
main.app.configure(extra_config={
    "SUSHY_EMULATOR_AUTH_FILE": str(users),
    "SUSHY_EMULATOR_FAKE_DRIVER": True,
    "SUSHY_EMULATOR_STATE_DIR": str(folder),
    "SUSHY_EMULATOR_FAKE_SYSTEMS": [
        {"uuid": "4C4C4544-0051-3610-8052-B7C04F4D3132", "name": "compute-1", "power_state": "On", "nics": []},
    ],
})
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(folder / "server.crt", folder / "server.key")
server = make_server("127.0.0.1", 0, main.app, threaded=True, ssl_context=context)
threading.Thread(target=lambda: (sys.stdin.read(), os._exit(0)), daemon=True).start()
print(f"PORT {server.server_port}", flush=True)
server.serve_forever()
