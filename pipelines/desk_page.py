"""Serving the desk: Dagster's page with the home's fix lists and releases beside it, its daemon and its code server.

Put here: which processes run and which folders are served. Keep out: definitions, and what has to stay in the home:
vault, lake, landing and settings are not served.
"""

import mimetypes
import signal
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path
from types import FrameType
from typing import Any

import dagster as dg
import uvicorn
import yaml
from dagster._cli.proxy_server_manager import ProxyServerManager
from dagster._core.workspace.context import WorkspaceProcessContext, WorkspaceRequestContext
from dagster._core.workspace.load_target import ModuleTarget, WorkspaceFileTarget
from dagster_webserver.webserver import DagsterWebserver
from starlette.routing import BaseRoute, Mount
from starlette.staticfiles import StaticFiles

from assets.stages.showing import HOME_FOLDERS, PROGRAM_FOLDERS
from data_contracts.messages import LANGUAGES, text
from pipelines.desk import close_abandoned_runs

_PROGRAM = Path(__file__).parents[1]
_HOST = "127.0.0.1"


class DeskPage(DagsterWebserver[WorkspaceProcessContext, WorkspaceRequestContext]):
    """Dagster's page, and below it the folders whose files it links to."""

    def __init__(self, context: Any, home: Path) -> None:
        super().__init__(context)
        self._home = home

    def build_routes(self) -> list[BaseRoute]:
        """The served folders first, since Dagster answers every other address with its page."""
        return [*served_folders(self._home), *super().build_routes()]


def served_folders(home: Path) -> list[Mount]:
    """What people open from the desk."""
    for suffix in (".sql", ".yaml"):
        mimetypes.add_type("text/plain", suffix)
    folders = {place: home / name for place, name in HOME_FOLDERS.items()}
    folders |= {place: _PROGRAM / name for place, name in PROGRAM_FOLDERS.items()}
    return [Mount(place, StaticFiles(directory=folder, check_dir=False)) for place, folder in folders.items()]


def serve(home: Path, port: int) -> None:
    """Run code server, daemon and page for `home` until a signal comes, then stop them all."""
    signal.signal(signal.SIGTERM, _stop)
    with ExitStack() as open_now:
        instance = open_now.enter_context(dg.DagsterInstance.get())
        close_abandoned_runs(instance, desk_opens=True)
        target = ModuleTarget("pipelines.definitions", "defs", None, "kangheng")
        code = open_now.enter_context(ProxyServerManager(instance, target, "warning"))
        workspace = Path(open_now.enter_context(tempfile.TemporaryDirectory())) / "workspace.yaml"
        workspace.write_text(yaml.safe_dump({"load_from": code.get_code_server_specs()}), encoding="utf-8")
        daemon = [sys.executable, "-m", "dagster._daemon", "run", "-w", str(workspace), "--log-level", "warning"]
        open_now.callback(_end, subprocess.Popen(daemon))  # noqa: S603  (fixed command, no shell)
        context = open_now.enter_context(WorkspaceProcessContext(instance, WorkspaceFileTarget([str(workspace)])))
        address = f"http://{_HOST}:{port}"
        print(*(text("desk_address", language, address=address) for language in LANGUAGES), sep="\n", flush=True)
        try:
            uvicorn.run(DeskPage(context, home).create_asgi_app(), host=_HOST, port=port, log_level="warning")
        except KeyboardInterrupt:
            return


def _stop(_number: int, _frame: FrameType | None) -> None:
    """Leave by the same way as Ctrl-C, so that nothing is left running."""
    raise KeyboardInterrupt


def _end(process: "subprocess.Popen[bytes]") -> None:
    process.terminate()
    try:
        process.wait(timeout=15)
    except subprocess.TimeoutExpired:
        process.kill()
