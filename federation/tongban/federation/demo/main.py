"""Runs the demonstration: lays the federation out, tells the story, takes everything down again or keeps it."""

import os
import shutil
import subprocess
import tempfile
from importlib.metadata import entry_points
from pathlib import Path

from tongban.core import hooks
from tongban.core.errors import Refusal
from tongban.core.testing.federation import WINDOW, Federation
from tongban.core.testing.processes import NodeDidNotStart, command
from tongban.federation.demo import plan, proofs
from tongban.federation.demo.people import CHONGMING, QIDONG
from tongban.federation.demo.stage import ClaimFailed, Stage
from tongban.federation.demo.story import Story

EXAMPLE = "hangzhou-gjj"


class ExampleMissing(Exception):
    """The example plugin is not installed."""


def run(language: str, keep: bool) -> bool:
    """Tell the story; return whether every claim held.

    Raises:
        ExampleMissing: the example plugin of 杭州 is not installed.
    """
    if EXAMPLE not in entry_points(group=hooks.GROUP).names:
        raise ExampleMissing(
            f"the example plugin {EXAMPLE} is not installed; in the project's folder: "
            "pip install -c constraints.txt ./examples/tongban-hangzhou-gjj"
        )
    stage, folder = Stage(language), Path(tempfile.mkdtemp(prefix="tongban-"))
    federation = Federation.lay_out(plan.write(folder / "plan"), folder / "federation")
    try:
        _tell(stage, federation)
    except (ClaimFailed, Refusal, NodeDidNotStart, TimeoutError, subprocess.SubprocessError) as error:
        stage.say(f"the demonstration failed: {error}", f"演示失败:{error}")
        _say_logs(stage, federation)
        federation.kill()
        return False
    if keep:
        _say_how_to_go_on(stage, federation)
    else:
        federation.kill()
        shutil.rmtree(folder)
    stage.say(f"\n{stage.seconds():.1f} s in all", f"\n共用时 {stage.seconds():.1f} 秒")
    return True


def _tell(stage: Stage, federation: Federation) -> None:
    with stage.beat("Three nodes, one process each, mutual TLS between them", "三个节点,各一进程,节点间双向 TLS"):
        federation.start()
        for member, place in federation.places.items():
            pid = federation.nodes[member].pid
            stage.say(
                f"{place.name} {member}: process {pid}, peers at {place.peers}",
                f"{place.name} {member}:进程 {pid},互联地址 {place.peers}",
            )
        stage.claim(
            all(node.running for node in federation.nodes.values()),
            "they know each other's items",
            "各节点已获得彼此的事项目录",
        )
    keys = proofs.keys_of(federation.directory, federation.authority)
    with federation.window(CHONGMING, officer="zhang.w") as clerk, federation.window(QIDONG, officer="li.q") as officer:
        Story(stage, federation, keys, clerk, officer).tell()


def _say_logs(stage: Stage, federation: Federation) -> None:
    for node in federation.nodes.values():
        stage.say(f"log: {node.log}", f"日志:{node.log}")


def _say_how_to_go_on(stage: Stage, federation: Federation) -> None:
    place = federation.places[CHONGMING]
    stage.say("\nThe nodes go on running. Try:", "\n节点继续运行,可以试试:")
    tongban = os.path.relpath(command()[0])
    window = f"--node {place.windows} --ca {place.certificate} --token {federation.tokens[CHONGMING]} --officer zhang.w"
    for line in (
        f"{tongban} status --home {place.home}",
        f"{tongban} catalogue list 公积金 --home {place.home}",
        f"{tongban} case list {window}",
        f"{tongban} evidence export chongming.evidence --home {place.home}",
        f"{tongban} evidence verify chongming.evidence --directory {federation.directory}",
        f"kill {' '.join(str(node.pid) for node in federation.nodes.values())}   # ends the nodes; window {WINDOW}",
    ):
        stage.say(line, line)
