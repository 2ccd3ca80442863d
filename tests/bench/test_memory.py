"""Memory: what a process holds, with its children, as the system counts it; and what is not there counts nothing."""

import subprocess
import sys
from pathlib import Path

import pytest

from xnp.bench import memory

LINUX = pytest.mark.skipif(not Path("/proc/self/smaps_rollup").exists(), reason="the system does not say")

HOLD = "import sys; kept = bytearray({}); print('ready', flush=True); sys.stdin.read()"


@LINUX
def test_the_memory_of_children_counts():
    child = f"[sys.executable, '-c', {HOLD.format(30_000_000)!r}]"
    parent = f"import subprocess, sys; subprocess.run({child})"
    alone, pair = (
        subprocess.Popen([sys.executable, "-c", text], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        for text in (HOLD.format(1), parent)
    )
    try:
        assert alone.stdout.readline() == pair.stdout.readline() == b"ready\n"
        assert len(memory.family(alone.pid)) == 1
        assert len(memory.family(pair.pid)) == 2
        assert memory.proportional_set(pair.pid) > memory.proportional_set(alone.pid) + 30_000_000
        assert memory.own_set(pair.pid) < 30_000_000
    finally:
        for process in (alone, pair):
            process.communicate()


def test_pss_is_read_in_bytes(tmp_path, monkeypatch):
    monkeypatch.setattr(memory, "PROC", tmp_path)
    for pid, kilobytes, children in ((1, 100, "2 3"), (2, 20, "4"), (3, 3, ""), (4, 1, "")):
        (tmp_path / f"{pid}/task/{pid}").mkdir(parents=True)
        (tmp_path / f"{pid}/task/{pid}/children").write_text(children)
        text = f"0-1 ---p 00 0 [rollup]\nRss: 999 kB\nPss:   {kilobytes} kB\nPss_Anon: 7 kB\n"
        (tmp_path / f"{pid}/smaps_rollup").write_text(text)
    assert memory.family(1) == [1, 2, 3, 4]
    assert memory.proportional_set(1) == 124 * 1024


def test_a_process_that_is_gone_holds_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr(memory, "PROC", tmp_path)
    assert memory.proportional_set(1) == 0
