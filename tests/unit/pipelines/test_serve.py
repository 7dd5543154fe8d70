import socket

import pytest

from fer.errors import UserError
from pipelines import tools


def test_a_taken_port_is_one_line(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FER_SERVE_MONITOR", "")  # what serve sets is gone after the test
    with socket.create_server(("127.0.0.1", 0)) as taken:
        monkeypatch.setattr(tools, "SERVICE_PORT", taken.getsockname()[1])
        with pytest.raises(UserError, match=r"cannot listen on 127\.0\.0\.1 port .*Address already in use") as caught:
            tools.serve()
    assert "\n" not in str(caught.value)
