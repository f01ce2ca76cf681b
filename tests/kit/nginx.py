"""A real nginx, as a process of its own on a free port."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.kit.ports import free_port
from tests.kit.waiting import wait_until

_CONFIGURATION = """\
daemon off; {user} worker_processes 1; pid {folder}/nginx.pid; error_log {folder}/nginx.log;
events {{ worker_connections 512; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
    {http}
}}
"""


@contextmanager
def nginx(folder: Path, http: str) -> Iterator[int]:
    """Runs nginx in `folder`, and gives its port; `http` is what its `http` block holds, with `PORT` for the port."""
    port = free_port()
    configuration = folder / "nginx.conf"
    user = "user root;" if os.geteuid() == 0 else ""
    configuration.write_text(_CONFIGURATION.format(user=user, folder=folder, http=http.replace("PORT", str(port))))
    # Debian keeps it where only root looks.
    program = shutil.which("nginx", path=f"{os.environ.get('PATH', os.defpath)}{os.pathsep}/usr/sbin")
    assert program is not None, "nginx isn't installed: apt install nginx"
    with subprocess.Popen([program, "-e", "stderr", "-p", folder, "-c", configuration]) as process:
        try:
            wait_until(lambda: _listens(process, port))
            yield port
        finally:
            process.terminate()


def _listens(process: subprocess.Popen[bytes], port: int) -> bool:
    assert process.poll() is None, "nginx doesn't start"
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
