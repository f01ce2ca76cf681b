"""The benchmark's own reckoning and its guards. Nothing is measured here."""

from __future__ import annotations

import http.client
import json
import os
import platform
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest
from click.testing import CliRunner

from bench import chart, idle, inprocess, report, start, usage
from bench.__main__ import main
from bench.cases import CASES, Case, write_content
from bench.clients import Client, Echo, FanOut, Request, check_response
from bench.clients.base import percentile
from bench.clients.websocket import TEXT, client_frame, server_frame, take_frames
from bench.clients.wrk import parse_load
from bench.measure import WARM_UP, seconds_needed
from bench.peers import (
    BACKEND,
    HOST,
    NGINX,
    PURE,
    REDIS,
    REFERENCE,
    RESERVE,
    TORNADO,
    WEBSOCKETS,
    Missing,
    Peer,
    Reserve,
    Server,
)
from bench.processes import StartError, free_port, running
from bench.results import By, Figures, Load, Refused, Result, Round, Target, multiple

CORE = min(os.sched_getaffinity(0))
MACHINE = {"cpu": "A <processor>", "python": "3.13.0"}


def figures(name: str, *rates: float, target: Target | None = None, refused: str = "") -> Figures:
    rounds = tuple(Round(rate, p50=0.5, p99=2.25, cpu=900 / rate) for rate in rates)
    return Figures(name, f"{name} 1.0", rounds, refused, target)


def result(*others: Figures) -> Result:
    return Result("hello", "hello, from a custom handler", figures("reserve", 100, 300, 200), others)


def wrk_output(**changes: object) -> str:
    errors = {"connect": 0, "read": 0, "write": 0, "timeout": 0, "status": 0}
    done = {"requests": 3000, "duration": 1_500_000, "bytes": 300_000, "p50": 450, "p99": 2000, "errors": errors}
    return f"Running 1s test @ http://127.0.0.1/\nRequests/sec:  2000.00\n{json.dumps(done | changes)}\n"


def named(name: str) -> Case:
    return next(case for case in CASES if case.name == name)


@contextmanager
def serving(server: Server, folder: Path) -> Iterator[int]:
    """A server with the content of all cases: its port."""
    write_content(folder)
    port = free_port()
    with running(server.command(folder, port, 0), port, folder, CORE):
        yield port


def test_a_start_is_measured_beside_the_imports_it_cannot_do_without() -> None:
    run = CliRunner().invoke(start.main, ["--rounds", "1"])
    assert run.exit_code == 0, run.output
    assert [line[:30].strip() for line in run.output.splitlines()] == [title for title, *_ in start.CASES]


class TestResults:
    def test_a_round_is_what_the_client_saw_and_what_the_server_took(self) -> None:
        load = Load(responses=3000, seconds=1.5, p50=0.45, p99=2)
        assert Round.of(load, cpu=0.06) == Round(rate=2000, p50=0.45, p99=2, cpu=20)

    def test_figures_are_medians(self) -> None:
        ours = Figures("reserve", "reserve 1.0", (Round(10, 1, 9, 50), Round(30, 3, 7, 40), Round(20, 2, 8, 60)))
        assert (ours.rate, ours.p50, ours.p99, ours.cpu) == (20, 2, 8, 50)

    def test_ratio_is_computed_within_each_round(self) -> None:
        other = figures("nginx", 100, 100, 400)
        ratio = result(other).ratio(other)
        assert ratio is not None
        assert (ratio.median, ratio.low, ratio.high) == (1, 0.5, 3)  # the ratio of the medians is 2
        assert str(ratio) == "1.00x (0.50-3.00)"

    def test_less_cpu_time_is_a_greater_ratio(self) -> None:
        ours = Figures("reserve", "reserve 1.0", (Round(100, 1, 9, cpu=20),))
        other = Figures("nginx", "nginx 1.0", (Round(100, 1, 9, cpu=50),))
        ratio = Result("hello", "hello", ours, (other,)).ratio(other, "cpu")
        assert ratio is not None
        assert ratio.median == 2.5

    @pytest.mark.parametrize(("target", "met"), [(1.9, True), (2.0, True), (2.1, False)])
    @pytest.mark.parametrize("by", ["rate", "cpu"])
    def test_target_is_held_against_the_median(self, target: float, met: bool, by: By) -> None:
        other = figures("nginx", 50, 100, 400, target=Target(target, by))
        assert result(other).met(other) is met

    def test_target_by_cpu_time_ignores_the_rates(self) -> None:
        ours = Figures("reserve", "reserve 1.0", (Round(100, 1, 9, cpu=20),))
        other = Figures("nginx", "nginx 1.0", (Round(200, 1, 9, cpu=50),), target=Target(2, "cpu"))
        assert Result("hello", "hello", ours, (other,)).met(other) is True

    def test_server_without_target_misses_none(self) -> None:
        other = figures("nginx", 50, 100, 400)
        assert result(other).met(other) is None

    def test_server_without_rounds_has_no_ratio(self) -> None:
        other = figures("nginx", target=Target(1))
        assert result(other).ratio(other) is None
        assert result(other).met(other) is None

    @pytest.mark.parametrize(("value", "text"), [(0.874, "0.87"), (16.12, "16.1"), (3282.4, "3,282")])
    def test_multiples_are_short(self, value: float, text: str) -> None:
        assert multiple(value) == text


class TestWrk:
    def test_last_line_holds_the_figures(self) -> None:
        assert parse_load(wrk_output(), length=100) == Load(responses=3000, seconds=1.5, p50=0.45, p99=2)

    @pytest.mark.parametrize("kind", ["connect", "read", "write", "timeout", "status"])
    def test_errors_refuse_the_figure(self, kind: str) -> None:
        with pytest.raises(Refused, match=f"errors under load: {kind} 1$"):
            parse_load(wrk_output(errors={"connect": 0, kind: 1}), length=100)

    def test_no_responses_refuse_the_figure(self) -> None:
        with pytest.raises(Refused, match="no responses"):
            parse_load(wrk_output(requests=0), length=100)

    def test_short_responses_refuse_the_figure(self) -> None:
        with pytest.raises(Refused, match="too short"):
            parse_load(wrk_output(), length=101)

    @pytest.mark.parametrize("output", ["", "unable to connect to 127.0.0.1:1 Connection refused\n"])
    def test_output_without_figures_is_quoted(self, output: str) -> None:
        with pytest.raises(Refused, match=f"no figures: '{output.strip()}'"):
            parse_load(output, length=1)


class TestWebSockets:
    """The reckoning of the clients that open WebSockets, and what they refuse."""

    @pytest.mark.parametrize(("share", "value"), [(0.5, 50), (0.99, 99), (1, 100), (0, 1)])
    def test_percentile_is_one_of_the_values(self, share: float, value: float) -> None:
        assert percentile(range(100, 0, -1), share) == value

    @pytest.mark.parametrize("length", [0, 125, 126, 65_535, 65_536])
    def test_frames_of_all_lengths_are_taken_whole(self, length: int) -> None:
        payload = bytes(length)
        if length < 126:
            head = bytes((0x81, length))
        elif length < 65_536:
            head = b"\x81\x7e" + length.to_bytes(2)
        else:
            head = b"\x81\x7f" + length.to_bytes(8)
        buffer = bytearray(head + payload + b"\x89\x01a" + b"\x81")
        assert take_frames(buffer) == [(1, payload), (9, b"a")]
        assert buffer == b"\x81"

    @pytest.mark.parametrize("part", [b"", b"\x81", b"\x81\x7e\x00", b"\x81\x7f" + bytes(7), b"\x81\x02a"])
    def test_part_of_a_frame_stays(self, part: bytes) -> None:
        buffer = bytearray(part)
        assert take_frames(buffer) == []
        assert buffer == part

    def test_a_client_masks_its_frames(self) -> None:
        assert server_frame(TEXT, b"hi") == b"\x81\x02hi"
        assert client_frame(TEXT, b"hi") == b"\x81\x82\0\0\0\0hi"

    def test_every_capture_reaches_all_pages(self, tmp_path: Path) -> None:
        case = named("fan-out")
        unknown = replace(case.request, path="/r/nobody")
        with serving(case.ours, tmp_path) as port:
            case.client.check(port, case.request)
            load = case.client.load(port, case.request, 20, 0)
            assert 0 <= load.p50 <= load.p99
            with pytest.raises(Refused, match=r"refuses a page: HTTP/1\.1 404"):
                FanOut("/ws/nobody").load(port, case.request, 20, 0)
            with pytest.raises(Refused, match=r"answers a capture with HTTP/1\.1 404"):
                case.client.load(port, unknown, 20, 0)

    def test_every_message_comes_back(self, tmp_path: Path) -> None:
        case = named("websocket")
        with serving(case.ours, tmp_path) as port:
            case.client.check(port, case.request)
            load = case.client.load(port, case.request, 8, 0.05)
            assert load.responses >= 8
            assert 0 < load.p50 <= load.p99
            with pytest.raises(Refused, match="sends another message back: b'a message"):
                case.client.load(port, replace(case.request, body=b"another"), 8, 0)

    @pytest.mark.parametrize("client", [FanOut("/nowhere"), Echo()], ids=["page", "WebSocket"])
    def test_server_without_websockets_is_refused(self, client: Client, tmp_path: Path) -> None:
        with (
            serving(TORNADO.serves(), tmp_path) as port,
            pytest.raises(Refused, match=r"refuses a \w+: HTTP/1\.1 404 Not Found"),
        ):
            client.load(port, Request("/nowhere", b"OK", sent=b"{}"), 8, 0)


class TestServers:
    """With one real server, as all are started and asked alike."""

    def test_right_response_passes_and_the_server_stops(self, tmp_path: Path) -> None:
        with serving(TORNADO.serves(), tmp_path) as port:
            check_response(port, named("hello").request)
            check_response(port, named("small-file").request)
            with pytest.raises(Refused, match="/hello with other content: 5 bytes instead of 6"):
                check_response(port, Request("/hello", b"hello!"))
            with pytest.raises(Refused, match="/nowhere with status 404"):
                check_response(port, Request("/nowhere", b""))
        with pytest.raises(ConnectionRefusedError):
            http.client.HTTPConnection(HOST, port).connect()

    def test_post_sends_the_whole_body(self, tmp_path: Path) -> None:
        (tmp_path / "size.py").write_text(
            "async def handler(request, response):\n"
            "    body = await request.body()\n"
            "    response.send(f'{request.method} {len(body)}')\n"
        )
        with serving(RESERVE.serves({"match": "^/size$", "custom": "./size.py"}), tmp_path) as port:
            check_response(port, Request("/size", b"POST 100000", sent=b"x" * 100_000))
            check_response(port, Request("/size", b"GET 0"))

    def test_server_is_stopped_when_measuring_fails(self, tmp_path: Path) -> None:
        with pytest.raises(KeyboardInterrupt), serving(TORNADO.serves(), tmp_path) as port:
            raise KeyboardInterrupt
        with pytest.raises(ConnectionRefusedError):
            http.client.HTTPConnection(HOST, port).connect()

    def test_server_that_ends_is_quoted(self, tmp_path: Path) -> None:
        command = [sys.executable, "-c", "raise SystemExit('first\\nno such file')"]
        with (
            pytest.raises(StartError, match=r"ended with status 1: no such file$"),
            running(command, free_port(), tmp_path, CORE),
        ):
            raise AssertionError

    def test_a_package_that_is_not_there_is_named(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(WEBSOCKETS, "name", "websockets-of-nobody")
        with pytest.raises(Missing, match=r"pip install -e '\.\[bench\]'"):
            WEBSOCKETS.prepare()


class TestUsage:
    """On a process whose child computes for a while, and then waits for the end of its input as it does."""

    CHILD = "import time\nwhile time.process_time() < 0.3: pass\nprint(1, flush=True)\ninput()"
    PARENT = "import subprocess, sys\nsubprocess.call([sys.executable, '-c', sys.argv[1]], start_new_session=True)"

    @pytest.fixture
    def process(self) -> Iterator[int]:
        with subprocess.Popen(
            [sys.executable, "-c", self.PARENT, self.CHILD], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        ) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == b"1\n"
            yield process.pid

    def test_cpu_time_is_that_of_all_descendants(self, process: int) -> None:
        own = Path(f"/proc/{process}/schedstat").read_text().split()[0]
        assert usage.cpu(process) >= 0.3 + int(own) / 1e9

    def test_memory_is_that_of_all_descendants(self, process: int) -> None:
        facts = Path(f"/proc/{process}/smaps_rollup").read_text()
        own = next(int(line.split()[1]) for line in facts.splitlines() if line.startswith("Pss:"))
        assert usage.memory(process) > own * 1024 * 1.5

    def test_process_that_has_ended_takes_nothing(self) -> None:
        ended = subprocess.Popen([sys.executable, "-c", ""])
        ended.wait()
        assert (usage.cpu(ended.pid), usage.memory(ended.pid)) == (0, 0)


class TestIdle:
    def test_figures_of_one_server(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(idle, "COUNT", 20)
        monkeypatch.setattr(idle, "BEFORE", 5)
        monkeypatch.setattr(idle, "PEERS", (RESERVE, NGINX))
        run = CliRunner().invoke(idle.main, ["--rounds", "1", "--json", str(tmp_path / "idle.json")])
        assert run.exit_code == 0, run.output
        ours, nginx = json.loads((tmp_path / "idle.json").read_text())["servers"]
        assert all(figure is not None for figure in ours.values())
        assert [name for name, figure in nginx.items() if figure is None] == ["websocket"]

    def test_server_that_closes_what_waits_is_refused(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(idle, "COUNT", 1)
        write_content(tmp_path)
        (tmp_path / "short.py").write_text(
            "def handler(request, response):\n    response.send('hello', headers={'Connection': 'close'})\n"
        )
        server = RESERVE.serves({"match": "^/hello$", "custom": "./short.py"})
        with pytest.raises(Refused, match="no time to wait"):
            idle.memory_of_waiting(server, tmp_path, CORE, idle.open_connection, named("hello").request)


class TestInProcess:
    @pytest.fixture
    def config(self, tmp_path: Path) -> str:
        (tmp_path / "size.py").write_text(
            "async def handler(request, response):\n    response.send(str(len(await request.body())))\n"
        )
        file = tmp_path / "reserve.json"
        file.write_text(
            json.dumps({
                "mappings": [{"match": "^/size$", "custom": "./size.py"}, {"match": "^/end", "status": 400}]
            })
        )  # fmt: skip
        return str(file)

    @pytest.mark.parametrize("options", [[], ["--data", "x" * 100]], ids=["GET", "POST"])
    def test_least_and_median_of_batches(self, config: str, options: list[str]) -> None:
        run = CliRunner().invoke(inprocess.main, [config, "/size", "--batches", "3", "--connections", "4", *options])
        assert run.exit_code == 0, run.output
        assert re.fullmatch(
            r"\d+\.\d\d us of CPU time a request, the least of 3 batches of 4\n\d+\.\d\d us in the median\n", run.output
        )

    def test_mistake_in_the_configuration_is_told(self, config: str) -> None:
        Path(config).write_text('{"mappings": [{"cutsom": "./size.py"}]}')
        run = CliRunner().invoke(inprocess.main, [config, "/size"])
        assert run.exit_code == 1
        assert "cutsom" in run.output


class TestCases:
    @pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
    def test_targets_name_servers_of_the_case(self, case: Case) -> None:
        assert case.targets.keys() <= {server.name for server in case.others}

    def test_ours_is_in_all_and_another_server_in_all_that_is_not_about_ourselves(self) -> None:
        ourselves = {"pythons", "mapping-shapes", "log", "workers", "capture-memory", "fan-out"}
        for case in CASES:
            assert case.ours.peer is RESERVE
            assert all(isinstance(server.peer, Reserve) for server in case.others) == (case.name in ourselves)

    def test_names_are_unique(self) -> None:
        assert len({case.name for case in CASES}) == len(CASES)
        for case in CASES:
            assert len({server.name for server in case.servers}) == len(case.servers)

    def test_a_version_stands_before_what_sets_a_peer_apart(self) -> None:
        assert RESERVE.serves(note="static off").label("0.1.0") == "reserve 0.1.0, static off"
        assert PURE.serves().label("0.1.0 (pure Python)") == "reserve 0.1.0 (pure Python)"
        assert PURE.serves(note="static off").label("0.1.0") == "reserve 0.1.0, pure Python, static off"
        assert PURE.serves().name == "reserve, pure Python"

    def test_those_of_the_picture_exist(self) -> None:
        assert set(chart.CASES) <= {case.name for case in CASES}

    @pytest.mark.parametrize("peer", [RESERVE, NGINX], ids=lambda peer: peer.name)
    def test_configurations_name_the_port_of_the_backend(self, peer: Peer, tmp_path: Path) -> None:
        server = next(server for server in named("proxy-hello").servers if server.peer is peer)
        command = server.command(tmp_path, 8080, 8081)
        configuration = Path(command[-1]).read_text()
        assert f"{HOST}:8081" in configuration
        assert BACKEND not in configuration

    @pytest.mark.parametrize("peer", [NGINX, REDIS], ids=lambda peer: peer.name)
    def test_without_its_backend_a_case_takes_no_time(self, peer: Peer) -> None:
        (case, *_) = (case for case in CASES if case.backend and case.backend.peer is peer)
        versions = {server.peer: "1.0" for server in case.programs}
        assert seconds_needed(case, versions, 1, 1) == (WARM_UP + 1) * len(case.servers)
        assert seconds_needed(case, versions | {peer: ""}, 1, 1) == 0

    def test_a_run_takes_ten_minutes(self) -> None:
        versions = {server.peer: "1.0" for case in CASES for server in case.programs}
        options = main.make_context("bench", []).params
        needed = sum(seconds_needed(case, versions, options["seconds"], options["rounds"]) for case in CASES)
        assert needed < 10 * 60


class TestReport:
    others = (
        figures("REserve", 50, 100, 400, target=Target(1)),
        figures("Node's http", 50, 100, 400, target=Target(5, "cpu")),
        figures("nginx"),
        figures("tornado.web", refused="errors under load: status 3"),
    )

    def test_table(self) -> None:
        lines = report.table(result(*self.others)).splitlines()
        assert [" ".join(line.split()) for line in lines] == [
            "hello: hello, from a custom handler",
            "req/s p50 p99 CPU reserve is by CPU target",
            "reserve 1.0 200 0.50 ms 2.25 ms 4.5 us",
            "REserve 1.0 100 0.50 ms 2.25 ms 9.0 us 2.00x (0.50-3.00) 2.00x (0.50-3.00) 1x met",
            "Node's http 1.0 100 0.50 ms 2.25 ms 9.0 us 2.00x (0.50-3.00) 2.00x (0.50-3.00) 5x CPU missed",
            "nginx 1.0 - - - -",
            "tornado.web 1.0 refused: errors under load: status 3",
        ]

    def test_document_holds_every_round(self) -> None:
        document = json.loads(report.document([result(*self.others)], {RESERVE: "1.0", REFERENCE: ""}, {"rounds": 3}))
        assert document["peers"] == {"reserve": "1.0", "REserve (Node.js)": None}
        assert document["method"] == {"rounds": 3}
        (case,) = document["cases"]
        ours, reference, _, nginx, tornado = case["servers"]
        assert [each["rate"] for each in ours["rounds"]] == [100, 300, 200]
        assert (ours["rate"], ours["p50"], ours["p99"], ours["cpu"]) == (200, 0.5, 2.25, 4.5)
        assert reference["ratio"] == {"median": 2, "low": 0.5, "high": 3}
        assert reference["cpu_ratio"] == reference["ratio"]
        assert reference["target"] == {"least": 1, "by": "rate", "met": True}
        assert nginx == {"name": "nginx", "label": "nginx 1.0", "refused": False}
        assert tornado == {"name": "tornado.web", "label": "tornado.web 1.0", "refused": True}

    def test_picture_has_a_bar_for_each_measured_server(self) -> None:
        svg = "{http://www.w3.org/2000/svg}"
        root = ElementTree.fromstring(chart.draw([result(*self.others)], MACHINE))
        bars = [float(bar.attrib["width"]) for bar in root.iter(f"{svg}rect") if bar.attrib["class"] != "back"]
        texts = [text.text for text in root.iter(f"{svg}text")]
        assert bars == [chart.BARS_WIDTH, chart.BARS_WIDTH / 2, chart.BARS_WIDTH / 2]
        assert texts.count("not measured") == 2
        assert texts.count("2.00x") == 4  # by rate and by CPU time
        assert "One core for the server, one for the client: A <processor>, Python 3.13.0." in texts

    def test_machine_tells_nothing_of_its_owner(self) -> None:
        assert report.machine()["python"].startswith(f"{platform.python_version()} of ")
        assert report.machine().keys() == {"system", "cpu", "cpus", "python", "uvloop", "httptools", "tornado"}


def test_unknown_case_is_refused_with_those_there_are() -> None:
    done = CliRunner().invoke(main, ["--only", "hello,goodbye"])
    assert done.exit_code == 2
    assert "no case goodbye: there are hello, hello-async, pythons, small-file" in done.output


@pytest.mark.parametrize("option", ["--json", "--svg"])
def test_file_in_no_folder_is_refused_at_once(option: str, tmp_path: Path) -> None:
    done = CliRunner().invoke(main, [option, str(tmp_path / "missing" / "result")])
    assert done.exit_code == 2
    assert "make it first" in done.output
