"""The command line as its users meet it: real processes, real links, one mesh for all tests."""

import contextlib
import fcntl
import json
import os
from pathlib import Path
import signal
import socket
import subprocess
import time

import pytest

from infrafabric.mesh.messages.message import IFMessage

from .agent_lab import (
    LOCAL,
    PROGRAM,
    Running,
    World,
    environment,
    free_port,
    infrafabric,
    modes,
    running,
    signal_server,
    world,
)

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def mesh(tmp_path_factory):
    with world(tmp_path_factory.mktemp("mesh")) as made:
        yield made


@pytest.fixture(scope="module")
def studio(mesh: World) -> Path:
    """Return the state of a member that may command and does not run."""
    return mesh.join("Studio", "command")


def threads(pid: int) -> set[str]:
    """Return the names of a process's threads."""
    names = set()
    for task in Path(f"/proc/{pid}/task").iterdir():
        with contextlib.suppress(OSError):
            names.add((task / "comm").read_text().strip())
    return names


def error_of(done: subprocess.CompletedProcess[str]) -> str:
    assert "Traceback" not in done.stderr
    return json.loads(done.stderr.splitlines()[-1])["error"]["code"]


def test_help_comes_at_once_and_without_webrtc() -> None:
    program = (
        "import sys; sys.argv = ['infrafabric', 'agent', 'send', '--help']\n"
        "from infrafabric.mesh.agent.cli import main\n"
        "try: main()\n"
        "finally: print({'aiortc', 'aiohttp', 'nacl'} & set(sys.modules))"
    )
    done = subprocess.run(
        [PROGRAM[0], "-c", program], capture_output=True, text=True, check=True, env=environment()
    )
    assert "Waits for the peer to be connected" in " ".join(done.stdout.split())
    assert done.stdout.rstrip().endswith("set()")


def test_a_new_mesh_has_private_files_and_shows_what_others_compare(tmp_path: Path) -> None:
    state = tmp_path / "deep" / "state"
    done = infrafabric(
        *("agent", "init", "--state", state, "--mesh", "Lab", "--name", "Home", "--json"),
        *("--signal", "ws://127.0.0.1:9"),
    )
    assert done.returncode == 0, done.stderr
    about = json.loads(done.stdout)
    assert about["mesh"]["name"] == "Lab"
    assert about["node"]["role"] == "admin"
    assert about["signaling"] == ["ws://127.0.0.1:9"]
    assert oct(state.stat().st_mode & 0o777) == "0o700"
    assert modes(state) == {"node.json": "0o600", "settings.json": "0o600", "lock": "0o600"}


def test_a_second_init_in_the_same_directory_leaves_the_first_alone(mesh: World) -> None:
    before = (mesh.home / "settings.json").read_text()
    done = infrafabric(
        *("agent", "init", "--state", mesh.home, "--mesh", "Other", "--name", "X", "--json"),
        *("--signal", mesh.url),
    )
    assert (done.returncode, error_of(done)) == (3, "state_in_use")
    assert (mesh.home / "settings.json").read_text() == before


def test_a_member_sends_a_signed_message_that_the_founder_prints(mesh: World, studio: Path) -> None:
    done = infrafabric("agent", "send", "--state", studio, "home", "--text", "hello", "--json")
    assert done.returncode == 0, done.stderr
    sent = json.loads(done.stdout)
    assert list(sent["receipts"].values()) == ["accepted"]
    event = mesh.founder.event("message")
    assert event["name"] == "Studio"
    assert event["role"] == "command"
    assert event["message"] == sent["message"]
    message = IFMessage.from_export(event["message"])
    assert message.content == {"message": "hello"}
    assert message.sender == event["peer_id"]


def test_a_request_prints_the_content_of_the_reply(mesh: World, studio: Path) -> None:
    with running("agent", "run", "--state", studio, "--json") as other:
        other.event("ready")
        asking = Running(
            *("agent", "send", "--state", mesh.home, "Studio", "--request"),
            *("--content", '{"what": "time"}'),
        )
        asked = other.event("message")["message"]
        assert asked["performative"] == "request"
        reply = infrafabric(
            *("agent", "send", "--state", studio, "Home", "--content", '{"time": 7}'),
            *("--conversation", asked["conversation_id"], "--trace-id", asked["trace_id"]),
        )
        assert reply.returncode == 0, reply.stderr
        assert json.loads(asking.line()) == {"time": 7}
        assert asking.process.wait(20) == 0


def test_a_request_that_nobody_answers_times_out(mesh: World, studio: Path) -> None:
    done = infrafabric(
        *("agent", "send", "--state", studio, "Home", "--request", "--content", "{}"),
        # Enough to be online first, or nobody was asked.
        *("--timeout", "8s", "--json"),
    )
    assert (done.returncode, error_of(done)) == (5, "request_timeout")


def test_a_member_that_may_only_observe_is_refused_its_request(mesh: World) -> None:
    state = mesh.join("Guest")
    done = infrafabric(
        "agent", "send", "--state", state, "Home", "--request", "--content", "{}", "--json"
    )
    assert (done.returncode, error_of(done)) == (3, "request_refused")
    assert json.loads(done.stdout)["reply"]["performative"] == "refuse"


def test_listen_takes_messages_from_the_running_agent_and_counts_them(
    mesh: World, studio: Path
) -> None:
    listening = Running("agent", "listen", "--state", mesh.home, "--json", "--count", "2")
    assert json.loads(listening.line()) == {"event": "listening"}
    for text in ("one", "two"):
        done = infrafabric("agent", "send", "--state", studio, "Home", "--text", text)
        assert done.returncode == 0, done.stderr
    heard = [json.loads(listening.line())["message"]["content"]["message"] for _ in range(2)]
    assert heard == ["one", "two"]
    assert listening.process.wait(20) == 0


def test_listen_without_an_agent_is_online_itself_and_ends_cleanly(
    mesh: World, studio: Path
) -> None:
    with running("agent", "listen", "--state", studio) as listening:
        listening.note("Listening")
        done = infrafabric(
            "agent", "send", "--state", mesh.home, "Studio", "--text", "hi", "--timeout", "20s"
        )
        assert done.returncode == 0, done.stderr
        assert json.loads(listening.line())["message"]["content"] == {"message": "hi"}
        assert listening.end(signal.SIGINT) == 0


def test_listen_fails_when_too_little_comes(mesh: World) -> None:
    done = infrafabric(
        "agent", "listen", "--state", mesh.home, "--count", "1", "--timeout", "0.5s", "--json"
    )
    assert (done.returncode, error_of(done)) == (5, "listen_timeout")


def test_a_broadcast_reaches_every_linked_member(mesh: World, studio: Path) -> None:
    with running("agent", "run", "--state", studio, "--listen") as other:
        other.note("online")
        done = infrafabric(
            "agent", "send", "--state", mesh.home, "--broadcast", "--text", "all", "--json"
        )
        assert done.returncode == 0, done.stderr
        assert "accepted" in json.loads(done.stdout)["receipts"].values()
        event = json.loads(other.line())
        assert event["message"]["receiver"] == "if://agent/*"


def test_peers_and_status_tell_the_same_to_people_and_programs(mesh: World, studio: Path) -> None:
    with running("agent", "run", "--state", studio) as other:
        other.note("Home is connected")
        text = infrafabric("agent", "peers", "--state", studio)
        data = infrafabric("agent", "peers", "--state", studio, "--json")
        (home,) = [peer for peer in json.loads(data.stdout)["peers"] if peer["name"] == "Home"]
        assert home["connected"]
        assert home["path"] == "direct_lan"
        assert home["role"] == "admin"
        row = next(line for line in text.stdout.splitlines() if line.startswith("Home"))
        assert home["peer_id"] in row
        assert "direct_lan" in row
        status = infrafabric("agent", "status", "--state", studio, "--json")
        about = json.loads(status.stdout)
        assert about["running"]
        assert about["node"]["name"] == "Studio"
        assert about["signaling"]["connected"] == [mesh.url]
        assert about["peers"]["online"] >= 1
        assert "running" in infrafabric("agent", "status", "--state", studio).stdout


def test_status_without_an_agent_starts_a_node_for_the_look(mesh: World, studio: Path) -> None:
    about = json.loads(infrafabric("agent", "status", "--state", studio, "--json").stdout)
    assert not about["running"]
    assert about["peers"]["online"] >= 1
    quick = json.loads(
        infrafabric("agent", "status", "--state", studio, "--json", "--wait", "0").stdout
    )
    assert quick["peers"]["online"] == 0
    assert quick["peers"]["total"] == about["peers"]["total"]


def test_an_invitation_alone_goes_to_standard_output_and_waits_for_the_joiner(
    tmp_path: Path,
) -> None:
    with signal_server() as url:
        home = tmp_path / "home"
        made = infrafabric(
            *("agent", "init", "--state", home, "--mesh", "Lab", "--name", "Home"),
            *("--signal", url, *LOCAL),
        )
        assert made.returncode == 0, made.stderr
        inviting = Running("agent", "invite", "--state", home, "--role", "admin")
        text = inviting.line()
        assert text.startswith("infrafabric:join#if1.")
        file = tmp_path / "invitation.txt"
        file.write_text(f"  {text[:40]}\n {text[40:]}\n")
        joined = infrafabric(
            "agent", "join", "--state", tmp_path / "b", "--name", "Second", "--file", file, "--json"
        )
        assert joined.returncode == 0, joined.stderr
        assert json.loads(joined.stdout)["node"]["role"] == "admin"
        assert inviting.process.wait(20) == 0
        assert "Second joined as admin" in inviting.stderr()
        assert inviting.lines.empty()
        # The way back, with no agent anywhere: the admin lists and cancels offline.
        listed = infrafabric("agent", "invitations", "--state", home, "--json")
        assert json.loads(listed.stdout) == {"invitations": []}


def test_an_interrupted_invite_says_so_by_its_exit_code(mesh: World) -> None:
    inviting = Running("agent", "invite", "--state", mesh.home, "--wait", "--json")
    made = json.loads(inviting.line())
    assert inviting.end(signal.SIGINT) == 130
    assert "Traceback" not in inviting.stderr()
    listed = infrafabric("agent", "invitations", "--state", mesh.home, "--json")
    ids = [entry["invitation_id"] for entry in json.loads(listed.stdout)["invitations"]]
    assert made["invitation_id"] in ids
    assert made["invitation"] not in listed.stdout
    gone = infrafabric("agent", "cancel", "--state", mesh.home, made["invitation_id"][:8])
    assert gone.returncode == 0, gone.stderr
    again = infrafabric("agent", "cancel", "--state", mesh.home, made["invitation_id"], "--json")
    assert (again.returncode, error_of(again)) == (2, "unknown_invitation")


def test_invite_waits_for_the_joiner_when_asked(mesh: World) -> None:
    inviting = Running("agent", "invite", "--state", mesh.home, "--wait", "--json")
    text = json.loads(inviting.line())["invitation"]
    done = infrafabric("agent", "join", "--state", mesh.base / "late", "--name", "Late", text)
    assert done.returncode == 0, done.stderr
    assert json.loads(inviting.line())["peer"]["name"] == "Late"
    assert inviting.process.wait(20) == 0


def test_a_spent_invitation_is_refused(mesh: World, tmp_path: Path) -> None:
    text = mesh.invitation()
    first = infrafabric("agent", "join", "--state", tmp_path / "1", "--name", "One", given=text)
    assert first.returncode == 0, first.stderr
    second = infrafabric(
        "agent", "join", "--state", tmp_path / "2", "--name", "Two", "--json", given=text
    )
    assert (second.returncode, error_of(second)) == (3, "invitation_spent")
    third = infrafabric("agent", "status", "--state", tmp_path / "2", "--json")
    assert (third.returncode, error_of(third)) == (2, "no_state")
    # What is left of the attempt is in nobody's way.
    made = infrafabric(
        *("agent", "init", "--state", tmp_path / "2", "--mesh", "M", "--name", "N"),
        *("--signal", mesh.url),
    )
    assert made.returncode == 0, made.stderr


@pytest.mark.parametrize(
    ("args", "code", "error"),
    [
        (["join", "--name", "X", "nonsense"], 2, "invitation_malformed"),
        (["join", "--name", "X", "--file", "/nonexistent"], 2, "invitation_unreadable"),
        (["send", "Home", "--text", "x"], 2, "no_state"),
        (["run"], 2, "no_state"),
        (["init", "--mesh", "M", "--name", "X"], 2, "signaling_needed"),
        (["init", "--mesh", "\n", "--name", "X", "--signal", "ws://h"], 2, "name_invalid"),
        (["init", "--mesh", "M", "--name", "X", "--host-signal", "h:0"], 2, "address_invalid"),
    ],
)
def test_what_makes_no_sense_is_a_usage_error(
    tmp_path: Path, args: list[str], code: int, error: str
) -> None:
    done = infrafabric("agent", args[0], "--state", tmp_path, "--json", *args[1:])
    assert (done.returncode, error_of(done)) == (code, error)


def test_argparse_and_we_agree_on_the_code_of_usage_errors(tmp_path: Path) -> None:
    assert infrafabric("agent", "send").returncode == 2
    assert infrafabric().returncode == 2
    assert infrafabric("agent", "frobnicate").returncode == 2


def test_unknown_and_unreachable_peers_have_their_own_codes(mesh: World, studio: Path) -> None:
    nobody = infrafabric("agent", "send", "--state", mesh.home, "Nobody", "--text", "x", "--json")
    assert (nobody.returncode, error_of(nobody)) == (2, "unknown_peer")
    offline = infrafabric(
        *("agent", "send", "--state", mesh.home, "Studio", "--text", "x", "--json"),
        *("--timeout", "1s"),
    )
    assert (offline.returncode, error_of(offline)) == (4, "peer_not_connected")


def test_joining_through_a_server_that_is_gone_is_unreachable(mesh: World, tmp_path: Path) -> None:
    with signal_server() as url:
        made = infrafabric(
            *("agent", "init", "--state", tmp_path / "a", "--mesh", "M", "--name", "A"),
            *("--signal", url),
        )
        assert made.returncode == 0, made.stderr
        inviting = Running("agent", "invite", "--state", tmp_path / "a")
        text = inviting.line()
        assert inviting.end() == 143
    done = infrafabric(
        *("agent", "join", "--state", tmp_path / "b", "--name", "B", "--timeout", "1s", "--json"),
        given=text,
    )
    assert (done.returncode, error_of(done)) == (4, "signaling_unreachable")
    unable = infrafabric("agent", "invite", "--state", tmp_path / "a", "--json")
    assert (unable.returncode, error_of(unable)) == (4, "signaling_unreachable")
    assert unable.stdout == ""


def test_one_directory_has_one_owner(mesh: World) -> None:
    done = infrafabric("agent", "run", "--state", mesh.home, "--json")
    assert (done.returncode, error_of(done)) == (3, "state_in_use")


def test_an_agent_that_was_killed_leaves_nothing_in_the_way(mesh: World) -> None:
    state = mesh.join("Crash", "command")
    first = Running("agent", "run", "--state", state, "--json")
    first.event("peer_connected")
    first.kill()
    assert (state / "control.sock").exists()
    done = infrafabric("agent", "send", "--state", state, "Home", "--text", "back")
    assert done.returncode == 0, done.stderr
    assert not (state / "control.sock").exists()


def test_a_running_agent_keeps_its_socket_to_itself_and_removes_it(mesh: World) -> None:
    state = mesh.join("Tidy")
    with running("agent", "run", "--state", state, "--json") as agent:
        agent.event("ready")
        assert modes(state)["control.sock"] == "0o600"
        assert agent.end(signal.SIGINT) == 0
    assert not (state / "control.sock").exists()
    assert set(modes(state).values()) == {"0o600"}
    assert json.loads((state / "node.json").read_text())["clean"]


def test_a_revoked_member_is_told_and_ends(mesh: World) -> None:
    state = mesh.join("Foe", "command")
    agent = Running("agent", "run", "--state", state, "--json")
    agent.event("peer_connected")
    mesh.founder.event("peer_connected", where=lambda event: event["peer"]["name"] == "Foe")
    role = infrafabric("agent", "role", "--state", mesh.home, "Foe", "observe", "--json")
    assert role.returncode == 0, role.stderr
    assert json.loads(role.stdout)["told"]
    done = infrafabric("agent", "revoke", "--state", mesh.home, "Foe")
    assert done.returncode == 0, done.stderr
    agent.event("revoked")
    assert agent.process.wait(20) == 3
    assert "invitation" in agent.stderr()
    again = infrafabric("agent", "run", "--state", state, "--json")
    assert (again.returncode, error_of(again)) == (3, "membership_revoked")
    for args in (["send", "Home", "--text", "x"], ["invite"], ["listen"]):
        refused = infrafabric("agent", args[0], "--state", state, "--json", *args[1:])
        assert (refused.returncode, error_of(refused)) == (3, "membership_revoked")
    # The same key comes back with a new invitation.
    back = infrafabric(
        "agent", "join", "--state", state, "--name", "Friend", given=mesh.invitation()
    )
    assert back.returncode == 0, back.stderr


def test_a_member_that_leaves_is_forgotten_at_once_and_forgets_everything(mesh: World) -> None:
    state = mesh.join("Guest")
    with running("agent", "run", "--state", state, "--json") as agent:
        agent.event("peer_connected")
        busy = infrafabric("agent", "leave", "--state", state, "--yes", "--json")
        assert (busy.returncode, error_of(busy)) == (3, "state_in_use")
    unsure = infrafabric("agent", "leave", "--state", state, "--json")
    assert (unsure.returncode, error_of(unsure)) == (2, "usage")
    left = infrafabric("agent", "leave", "--state", state, "--yes", "--json")
    assert left.returncode == 0, left.stderr
    assert json.loads(left.stdout) == {"mesh": "Lab", "told": True}
    mesh.founder.event("peer_removed", where=lambda event: event["reason"] == "left")
    assert not {"node.json", "settings.json"} & modes(state).keys()
    again = infrafabric("agent", "leave", "--state", state, "--yes", "--json")
    assert (again.returncode, error_of(again)) == (2, "no_state")


def test_only_admins_invite_and_revoke(mesh: World, studio: Path) -> None:
    for args in (["invite"], ["revoke", "Home"], ["role", "Home", "observe"]):
        done = infrafabric("agent", args[0], "--state", studio, "--json", *args[1:])
        assert (done.returncode, error_of(done)) == (3, "not_admin")


def test_a_node_can_host_the_signaling_server_itself(tmp_path: Path) -> None:
    port = free_port()
    home = tmp_path / "home"
    made = infrafabric(
        *("agent", "init", "--state", home, "--mesh", "Lab", "--name", "Home", *LOCAL),
        *("--host-signal", f"127.0.0.1:{port}"),
    )
    assert made.returncode == 0, made.stderr
    with running("agent", "run", "--state", home, "--json") as agent:
        agent.event("ready")
        invited = infrafabric("agent", "invite", "--state", home)
        joined = infrafabric(
            *("agent", "join", "--state", tmp_path / "b", "--name", "B", *LOCAL),
            given=invited.stdout,
        )
        assert joined.returncode == 0, joined.stderr
        sent = infrafabric("agent", "send", "--state", tmp_path / "b", "Home", "--text", "x")
        assert sent.returncode == 0, sent.stderr
        assert agent.event("message")["name"] == "B"


def test_a_taken_port_is_named(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = infrafabric("signal", "--host", "127.0.0.1", "--port", port, "--json")
    assert (done.returncode, error_of(done)) == (2, "address_unusable")
    assert str(port) in done.stderr


def test_the_signaling_server_speaks_tls_and_prints_what_it_is_told(tmp_path: Path) -> None:
    made = subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"),
            *("-nodes", "-subj", "/CN=localhost", "-days", "2"),
            *("-keyout", tmp_path / "key.pem", "-out", tmp_path / "cert.pem"),
        ],
        capture_output=True,
        check=False,
    )
    assert made.returncode == 0, made.stderr
    tls = ("--tls-cert", tmp_path / "cert.pem", "--tls-key", tmp_path / "key.pem")
    with signal_server(*tls) as url:
        assert url.startswith("wss://127.0.0.1:")
        made = infrafabric(
            *("agent", "init", "--state", tmp_path / "a", "--mesh", "M", "--name", "A"),
            *("--signal", url),
        )
        status = infrafabric("agent", "status", "--state", tmp_path / "a", "--json")
        assert json.loads(status.stdout)["signaling"]["connected"] == [url]
    with running(
        "signal", "--host", "127.0.0.1", "--port", "0", "--url", "wss://example.org/x", "--json"
    ) as server:
        assert json.loads(server.line())["urls"] == ["wss://example.org/x"]
        assert server.end(signal.SIGINT) == 0
    bad = infrafabric("signal", "--tls-cert", tmp_path / "key.pem", "--json")
    assert (bad.returncode, error_of(bad)) == (2, "tls_unusable")
    lone = infrafabric("signal", "--tls-key", tmp_path / "key.pem", "--json")
    assert (lone.returncode, error_of(lone)) == (2, "usage")


def test_a_reader_that_has_enough_ends_listen_quietly(mesh: World, studio: Path) -> None:
    listening = subprocess.Popen(
        [*PROGRAM, "agent", "listen", "--state", mesh.home, "--json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(),
    )
    assert listening.stdout is not None
    assert json.loads(listening.stdout.readline()) == {"event": "listening"}
    listening.stdout.close()
    done = infrafabric("agent", "send", "--state", studio, "Home", "--text", "x")
    assert done.returncode == 0, done.stderr
    assert listening.wait(20) == 0
    assert listening.stderr is not None
    assert listening.stderr.read() == ""
    listening.stderr.close()


def test_ctrl_c_ends_a_join_that_waits_for_its_invitation(tmp_path: Path) -> None:
    reading, writing = os.pipe()
    try:
        joining = subprocess.Popen(
            [*PROGRAM, "agent", "join", "--state", tmp_path / "x", "--name", "X"],
            stdin=reading,
            stderr=subprocess.PIPE,
            env=environment(),
        )
        # It has nothing to say while it waits: what shows is the thread that reads.
        until = time.monotonic() + 20
        while "stdin" not in threads(joining.pid):
            assert time.monotonic() < until
            assert joining.poll() is None
            time.sleep(0.02)
        joining.send_signal(signal.SIGINT)
        assert joining.wait(20) == 130
        assert joining.stderr is not None
        assert b"Traceback" not in joining.stderr.read()
        joining.stderr.close()
    finally:
        os.close(reading)
        os.close(writing)


def test_secrets_stay_out_of_logs_and_outputs(mesh: World) -> None:
    state = mesh.join("Careful", "command")
    text = mesh.invitation()
    hosts = ("--host-signal", f"127.0.0.1:{free_port()}")
    with running("agent", "run", "--state", state, "--json", "--verbose", *hosts) as agent:
        agent.event("peer_connected")
        infrafabric("agent", "status", "--state", state, "--json")
        agent.end()
        said = agent.stderr() + "\n".join(agent.printed)
    seed = json.loads((state / "node.json").read_text())["seed"]
    assert seed not in said
    assert text.strip() not in said
    assert "DEBUG infrafabric.mesh" in said


def test_a_state_that_others_can_read_is_refused(mesh: World, tmp_path: Path) -> None:
    state = mesh.join("Open")
    (state / "node.json").chmod(0o640)
    done = infrafabric("agent", "run", "--state", state, "--json")
    assert (done.returncode, error_of(done)) == (2, "state_exposed")
    (state / "node.json").chmod(0o600)
    state.chmod(0o750)
    done = infrafabric("agent", "peers", "--state", state, "--json")
    assert (done.returncode, error_of(done)) == (2, "state_exposed")


def test_a_directory_held_by_something_that_does_not_answer_is_reported(mesh: World) -> None:
    state = mesh.join("Held")
    descriptor = os.open(state / "lock", os.O_RDWR)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        began = time.monotonic()
        done = infrafabric("agent", "invitations", "--state", state, "--json")
        assert (done.returncode, error_of(done)) == (3, "state_in_use")
        assert time.monotonic() - began > 4
    finally:
        os.close(descriptor)
