"""Ports of this machine."""

import socket

from fer.errors import UserError

HOST = "127.0.0.1"


def free_port() -> int:
    """A port that nothing listens on."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def require_port(port: int, tool: str) -> None:
    """That ``tool`` can listen on a port.

    Raises:
        UserError: where another program does.
    """
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            raise UserError(
                f"{tool}: port {port} is taken ({error.strerror}); stop what listens there: lsof -i :{port} names it"
            ) from error
