"""Taking a port, so that a taken one is told in a sentence."""

from __future__ import annotations

import socket


def listen(host: str, port: int) -> socket.socket:
    """Takes the port first, so that a taken one is told before anything is opened."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
    except OSError as error:
        listening.close()
        raise OSError(f"cannot listen on {host}:{port}: {error.strerror}; choose another --port") from None
    return listening
