#!/usr/bin/env python3
"""Joins standard input and output to a Unix socket, for clients that can only start programs: through_socket.py PATH"""

import os
import socket
import sys
import threading

with socket.socket(socket.AF_UNIX) as relay:
    relay.connect(sys.argv[1])

    def upstream():
        while chunk := os.read(0, 1 << 16):
            relay.sendall(chunk)
        relay.shutdown(socket.SHUT_WR)

    threading.Thread(target=upstream, daemon=True).start()
    while chunk := relay.recv(1 << 16):
        os.write(1, chunk)
