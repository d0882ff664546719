"""Private files and the lock that gives them one owner."""

import asyncio
import errno
import os
from pathlib import Path
import subprocess
import sys

import pytest

from infrafabric.mesh.agent import store as store_module
from infrafabric.mesh.agent.store import (
    FileStore,
    StateLock,
    default_directory,
    make_private_directory,
    read_private,
    write_private,
)
from infrafabric.mesh.errors import InvalidError, MeshError, RefusedError


@pytest.fixture
def home(tmp_path: Path) -> Path:
    directory = tmp_path / "a" / "state"
    make_private_directory(directory)
    return directory


async def test_what_is_saved_is_loaded_and_private(home: Path) -> None:
    store = FileStore(home)
    assert await store.load() is None
    await store.save({"seed": "größer"})
    await store.save({"seed": "größer", "n": 2})
    assert await FileStore(home).load() == {"seed": "größer", "n": 2}
    assert [path.name for path in home.iterdir()] == ["node.json"]
    assert oct((home / "node.json").stat().st_mode & 0o777) == "0o600"
    assert oct(home.stat().st_mode & 0o777) == "0o700"


async def test_a_save_that_fails_leaves_the_old_state_and_no_rubbish(
    home: Path, monkeypatch
) -> None:
    store = FileStore(home)
    await store.save({"n": 1})

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(store_module.os, "fsync", full)
    with pytest.raises(MeshError) as caught:
        await store.save({"n": 2})
    assert caught.value.code == "state_not_saved"
    assert "No space left" in str(caught.value)
    assert [path.name for path in home.iterdir()] == ["node.json"]
    assert await store.load() == {"n": 1}


async def test_a_save_reaches_the_disk_before_its_name_and_then_the_directory(
    home: Path, monkeypatch
) -> None:
    steps: list[str] = []
    fsync, replace = os.fsync, Path.replace

    def spy_fsync(descriptor: int) -> None:
        path = Path(f"/proc/self/fd/{descriptor}").readlink()
        steps.append("directory" if path == home else "file")
        fsync(descriptor)

    def spy_replace(self: Path, target: Path) -> Path:
        steps.append("rename")
        return replace(self, target)

    monkeypatch.setattr(store_module.os, "fsync", spy_fsync)
    monkeypatch.setattr(Path, "replace", spy_replace)
    await FileStore(home).save({})
    assert steps == ["file", "rename", "directory"]


async def test_a_cancelled_save_still_ends_before_the_next_one_begins(
    home: Path, monkeypatch
) -> None:
    began, go = asyncio.Event(), __import__("threading").Event()
    loop = asyncio.get_running_loop()
    write = store_module.write_private

    def slow(path: Path, data: dict[str, int]) -> None:
        loop.call_soon_threadsafe(began.set)
        go.wait(20)
        write(path, data)

    monkeypatch.setattr(store_module, "write_private", slow)
    saving = asyncio.create_task(FileStore(home).save({"n": 1}))
    await began.wait()
    saving.cancel()
    await asyncio.sleep(0)
    assert not saving.done()
    go.set()
    with pytest.raises(asyncio.CancelledError):
        await saving
    assert await FileStore(home).load() == {"n": 1}


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o666])
async def test_a_state_that_others_can_open_is_refused(home: Path, mode: int) -> None:
    await FileStore(home).save({"n": 1})
    (home / "node.json").chmod(mode)
    with pytest.raises(InvalidError, match="chmod 600") as caught:
        await FileStore(home).load()
    assert caught.value.code == "state_exposed"


@pytest.mark.parametrize("mode", [0o750, 0o701, 0o777])
async def test_a_directory_that_others_can_open_is_refused(home: Path, mode: int) -> None:
    home.chmod(mode)
    with pytest.raises(InvalidError, match="chmod 700"):
        await FileStore(home).load()
    with pytest.raises(InvalidError, match="chmod 700"):
        make_private_directory(home)


def test_a_state_of_another_user_is_refused(home: Path, monkeypatch) -> None:
    write_private(home / "node.json", {})
    monkeypatch.setattr(store_module.os, "geteuid", lambda: 12345)
    monkeypatch.setattr(store_module, "_OTHERS", 0)
    if os.getuid() == 0:
        os.chown(home / "node.json", 4321, -1)
    with pytest.raises(InvalidError, match="another user"):
        read_private(home / "node.json")


@pytest.mark.parametrize("text", ["", "{", "[]", "7", "\udcff"])
async def test_a_damaged_state_is_reported(home: Path, text: str) -> None:
    path = home / "node.json"
    path.write_text(text, errors="surrogateescape")
    path.chmod(0o600)
    with pytest.raises(InvalidError) as caught:
        await FileStore(home).load()
    assert caught.value.code == "state_unreadable"


async def test_a_link_in_place_of_the_state_is_not_followed(home: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.json"
    other.write_text("{}")
    other.chmod(0o600)
    (home / "node.json").symlink_to(other)
    with pytest.raises(InvalidError) as caught:
        await FileStore(home).load()
    assert caught.value.code == "state_unusable"


def test_a_file_in_place_of_the_directory_is_reported(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for path in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(InvalidError):
            make_private_directory(path)
    with pytest.raises(InvalidError) as caught:
        store_module.check_private_directory(tmp_path / "file" / "below")
    assert caught.value.code == "state_unusable"


def test_only_one_holds_the_lock_even_in_one_process(home: Path) -> None:
    with StateLock(home):
        with pytest.raises(RefusedError) as caught, StateLock(home):
            pass
        assert caught.value.code == "state_in_use"
    with StateLock(home) as lock, lock:
        pass
    with StateLock(home):
        pass


def test_the_lock_dies_with_its_process(home: Path) -> None:
    program = (
        "import sys, os, pathlib, signal\n"
        "from infrafabric.mesh.agent.store import StateLock\n"
        "lock = StateLock(pathlib.Path(sys.argv[1])); lock.acquire()\n"
        "print('locked', flush=True); signal.pause()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program, home], stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "locked\n"
        with pytest.raises(RefusedError), StateLock(home):
            pass
        holder.kill()
    with StateLock(home):
        pass


def test_a_lock_that_cannot_be_made_is_reported(tmp_path: Path, monkeypatch, home: Path) -> None:
    with pytest.raises(InvalidError), StateLock(tmp_path / "missing"):
        pass

    def broken(*_: int) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(store_module.fcntl, "flock", broken)
    with pytest.raises(InvalidError, match="No locks"), StateLock(home):
        pass


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({"INFRAFABRIC_STATE": "here", "XDG_DATA_HOME": "/data"}, "here"),
        ({"XDG_DATA_HOME": "/data"}, "/data/infrafabric"),
        ({"XDG_DATA_HOME": "relative"}, "/me/.local/share/infrafabric"),
        ({}, "/me/.local/share/infrafabric"),
    ],
)
def test_the_directory_is_the_named_one_or_in_the_data_home(
    monkeypatch, environment: dict[str, str], expected: str
) -> None:
    for name in ("INFRAFABRIC_STATE", "XDG_DATA_HOME"):
        monkeypatch.delenv(name, raising=False)
    for name, value in {"HOME": "/me", **environment}.items():
        monkeypatch.setenv(name, value)
    assert default_directory() == Path(expected)
