"""The benchmark's own reckoning and its guards. Nothing is measured here."""

from __future__ import annotations

import http.client
import json
import os
import platform
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest
from click.testing import CliRunner

from bench import chart, report, start
from bench.__main__ import main
from bench.cases import CASES, write_content
from bench.fanout import fan_out, percentile, take_frames
from bench.measure import check_answer, parse_round, seconds_needed
from bench.peers import BACKEND, HOST, NGINX, REDIS, REFERENCE, RESERVE, TORNADO, Peer
from bench.processes import StartError, free_port, running
from bench.results import Figures, Refused, Result, Round, multiple

CORE = min(os.sched_getaffinity(0))
MACHINE = {"cpu": "A <processor>", "python": "3.13.0"}


def figures(name: str, *rates: float, target: float | None = None, refused: str = "") -> Figures:
    rounds = tuple(Round(rate, p50=0.5, p99=2.25) for rate in rates)
    return Figures(name, f"{name} 1.0", rounds, refused, target)


def result(*others: Figures) -> Result:
    return Result("hello", "hello, from a custom handler", figures("reserve", 100, 300, 200), others)


def wrk_output(**changes: object) -> str:
    errors = {"connect": 0, "read": 0, "write": 0, "timeout": 0, "status": 0}
    done = {"requests": 3000, "duration": 1_500_000, "bytes": 300_000, "p50": 450, "p99": 2000, "errors": errors}
    return f"Running 1s test @ http://127.0.0.1/\nRequests/sec:  2000.00\n{json.dumps(done | changes)}\n"


def test_a_start_is_measured_beside_the_imports_it_cannot_do_without() -> None:
    run = CliRunner().invoke(start.main, ["--rounds", "1"])
    assert run.exit_code == 0, run.output
    assert [line[:30].strip() for line in run.output.splitlines()] == [title for title, *_ in start.CASES]


class TestResults:
    def test_figures_are_medians(self) -> None:
        ours = Figures("reserve", "reserve 1.0", (Round(10, 1, 9), Round(30, 3, 7), Round(20, 2, 8)))
        assert (ours.rate, ours.p50, ours.p99) == (20, 2, 8)

    def test_ratio_is_computed_within_each_round(self) -> None:
        other = figures("nginx", 100, 100, 400)
        ratio = result(other).ratio(other)
        assert ratio is not None
        assert (ratio.median, ratio.low, ratio.high) == (1, 0.5, 3)  # the ratio of the medians is 2
        assert str(ratio) == "1.00x (0.50-3.00)"

    @pytest.mark.parametrize(("target", "met"), [(None, None), (1.9, True), (2.0, True), (2.1, False)])
    def test_target_is_held_against_the_median(self, target: float | None, met: bool | None) -> None:
        other = figures("nginx", 50, 100, 400, target=target)
        assert result(other).met(other) is met

    def test_server_without_rounds_has_no_ratio(self) -> None:
        other = figures("nginx", target=1)
        assert result(other).ratio(other) is None
        assert result(other).met(other) is None

    @pytest.mark.parametrize(("value", "text"), [(0.874, "0.87"), (16.12, "16.1"), (3282.4, "3,282")])
    def test_multiples_are_short(self, value: float, text: str) -> None:
        assert multiple(value) == text


class TestWrk:
    def test_last_line_holds_the_figures(self) -> None:
        assert parse_round(wrk_output(), length=100) == Round(rate=2000, p50=0.45, p99=2)

    @pytest.mark.parametrize("kind", ["connect", "read", "write", "timeout", "status"])
    def test_errors_refuse_the_figure(self, kind: str) -> None:
        with pytest.raises(Refused, match=f"errors under load: {kind} 1$"):
            parse_round(wrk_output(errors={"connect": 0, kind: 1}), length=100)

    def test_no_answers_refuse_the_figure(self) -> None:
        with pytest.raises(Refused, match="no answers"):
            parse_round(wrk_output(requests=0), length=100)

    def test_short_answers_refuse_the_figure(self) -> None:
        with pytest.raises(Refused, match="too short"):
            parse_round(wrk_output(), length=101)

    @pytest.mark.parametrize("output", ["", "unable to connect to 127.0.0.1:1 Connection refused\n"])
    def test_output_without_figures_is_quoted(self, output: str) -> None:
        with pytest.raises(Refused, match=f"no figures: '{output.strip()}'"):
            parse_round(output, length=1)


class TestFanOut:
    """The reckoning of the client that opens the pages, and what it refuses."""

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

    def test_every_capture_reaches_all_pages(self, tmp_path: Path) -> None:
        write_content(tmp_path)
        port = free_port()
        (case,) = (case for case in CASES if case.follow)
        with running(case.ours.command(tmp_path, port, 0), port, tmp_path, CORE):
            done = fan_out(port, case.path, case.sent, case.body, case.follow, 0)
            assert 0 <= done.p50 <= done.p99
            with pytest.raises(Refused, match=r"refuses a page: HTTP/1\.1 404"):
                fan_out(port, case.path, case.sent, case.body, "/mirror/ws/nobody", 0)
            with pytest.raises(Refused, match=r"answers a capture with HTTP/1\.1 404"):
                fan_out(port, "/mirror/r/nobody", case.sent, case.body, case.follow, 0)

    def test_server_without_pages_is_refused(self, tmp_path: Path) -> None:
        write_content(tmp_path)
        port = free_port()
        with (
            running(TORNADO.serves().command(tmp_path, port, 0), port, tmp_path, CORE),
            pytest.raises(Refused, match=r"refuses a page: HTTP/1\.1 404 Not Found"),
        ):
            fan_out(port, "/hello", b"{}", b"OK", "/nowhere", 0)


class TestServers:
    """With one real server, as all are started and asked alike."""

    def test_right_answer_passes_and_the_server_stops(self, tmp_path: Path) -> None:
        write_content(tmp_path)
        port = free_port()
        hello, small, *_ = CASES
        with running(TORNADO.serves().command(tmp_path, port, 0), port, tmp_path, CORE):
            check_answer(port, hello.path, hello.body)
            check_answer(port, small.path, small.body)
            with pytest.raises(Refused, match="/hello with other content: 5 bytes instead of 6"):
                check_answer(port, "/hello", b"hello!")
            with pytest.raises(Refused, match="/nowhere with status 404"):
                check_answer(port, "/nowhere", b"")
        with pytest.raises(ConnectionRefusedError):
            http.client.HTTPConnection(HOST, port).connect()

    def test_post_sends_the_whole_body(self, tmp_path: Path) -> None:
        write_content(tmp_path)
        port = free_port()
        (tmp_path / "size.py").write_text(
            "async def handler(request, response):\n"
            "    body = await request.body()\n"
            "    response.send(f'{request.method} {len(body)}')\n"
        )
        server = RESERVE.serves({"match": "^/size$", "custom": "./size.py"})
        with running(server.command(tmp_path, port, 0), port, tmp_path, CORE):
            check_answer(port, "/size", b"POST 100000", b"x" * 100_000)
            check_answer(port, "/size", b"GET 0")

    def test_server_is_stopped_when_measuring_fails(self, tmp_path: Path) -> None:
        write_content(tmp_path)
        port = free_port()
        with (
            pytest.raises(KeyboardInterrupt),
            running(TORNADO.serves().command(tmp_path, port, 0), port, tmp_path, CORE),
        ):
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


class TestCases:
    @pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
    def test_targets_name_servers_of_the_case(self, case: object) -> None:
        assert case.targets.keys() <= {server.name for server in case.others}  # type: ignore[attr-defined]

    def test_ours_is_in_all_and_the_reference_where_it_can_do_the_same(self) -> None:
        for case in CASES:
            assert case.ours.peer is RESERVE
            if case.others and case.name not in ("asgi", "workers", "mapping-shapes"):
                assert REFERENCE in [server.peer for server in case.others]

    def test_mappings_name_the_port_of_the_backend(self, tmp_path: Path) -> None:
        server = RESERVE.serves({"match": "^/(.*)", "url": f"http://{HOST}:{BACKEND}/$1"})
        configuration = json.loads(Path(server.command(tmp_path, 8080, 8081)[-1]).read_text())
        assert configuration["port"] == 8080
        assert configuration["mappings"][0]["url"] == f"http://{HOST}:8081/$1"

    @pytest.mark.parametrize("peer", [NGINX, REDIS], ids=lambda peer: peer.name)
    def test_without_its_backend_a_case_takes_no_time(self, peer: Peer) -> None:
        (case, *_) = (case for case in CASES if case.backend and case.backend.peer is peer)
        versions = {server.peer: "1.0" for server in case.programs}
        assert seconds_needed(case, versions, 1, 1) == 3 * len(case.servers)
        assert seconds_needed(case, versions | {peer: ""}, 1, 1) == 0

    def test_names_are_unique(self) -> None:
        assert len({case.name for case in CASES}) == len(CASES)
        for case in CASES:
            assert len({server.name for server in case.servers}) == len(case.servers)


class TestReport:
    others = (
        figures("REserve", 50, 100, 400, target=1),
        figures("Node's http", 50, 100, 400, target=5),
        figures("nginx"),
        figures("tornado.web", refused="errors under load: status 3"),
    )

    def test_table(self) -> None:
        lines = report.table(result(*self.others)).splitlines()
        assert [" ".join(line.split()) for line in lines] == [
            "hello: hello, from a custom handler",
            "req/s p50 p99 reserve is target",
            "reserve 1.0 200 0.50 ms 2.25 ms",
            "REserve 1.0 100 0.50 ms 2.25 ms 2.00x (0.50-3.00) 1x met",
            "Node's http 1.0 100 0.50 ms 2.25 ms 2.00x (0.50-3.00) 5x missed",
            "nginx 1.0 - - -",
            "tornado.web 1.0 refused: errors under load: status 3",
        ]

    def test_reported_figures_have_no_ratio(self) -> None:
        case = Result("hello", "hello", figures("reserve", 100), (), {"Another, reported": 1100})
        assert report.table(case).splitlines()[-1].split() == ["Another,", "reported", "1,100"]
        (document,) = json.loads(report.document([case], {}, {}))["cases"]
        assert document["reported"] == {"Another, reported": 1100}

    def test_document_holds_every_round(self) -> None:
        document = json.loads(report.document([result(*self.others)], {RESERVE: "1.0", REFERENCE: ""}, {"rounds": 3}))
        assert document["peers"] == {"reserve": "1.0", "REserve (Node.js)": None}
        assert document["method"] == {"rounds": 3}
        (case,) = document["cases"]
        ours, reference, _, nginx, tornado = case["servers"]
        assert [each["rate"] for each in ours["rounds"]] == [100, 300, 200]
        assert (ours["rate"], ours["p50"], ours["p99"]) == (200, 0.5, 2.25)
        assert reference["ratio"] == {"median": 2, "low": 0.5, "high": 3}
        assert (reference["target"], reference["met"]) == (1, True)
        assert nginx == {"name": "nginx", "refused": False}
        assert tornado == {"name": "tornado.web", "refused": True}

    def test_picture_has_a_bar_for_each_measured_server(self) -> None:
        svg = "{http://www.w3.org/2000/svg}"
        root = ElementTree.fromstring(chart.draw([result(*self.others)], MACHINE))
        bars = [float(bar.attrib["width"]) for bar in root.iter(f"{svg}rect") if bar.attrib["class"] != "back"]
        texts = [text.text for text in root.iter(f"{svg}text")]
        assert bars == [chart.BARS_WIDTH, chart.BARS_WIDTH / 2, chart.BARS_WIDTH / 2]
        assert texts.count("not measured") == 2
        assert texts.count("2.00x") == 2
        assert "One core for the server, one for wrk: A <processor>, Python 3.13.0." in texts

    def test_machine_tells_nothing_of_its_owner(self) -> None:
        assert report.machine()["python"].startswith(f"{platform.python_version()} of ")
        assert report.machine().keys() == {"system", "cpu", "cpus", "python", "uvloop", "httptools", "tornado"}


def test_unknown_case_is_refused_with_those_there_are() -> None:
    done = CliRunner().invoke(main, ["--only", "hello,goodbye"])
    assert done.exit_code == 2
    assert "no case goodbye: there are hello, small-file, large-file, mappings" in done.output


@pytest.mark.parametrize("option", ["--json", "--svg"])
def test_file_in_no_folder_is_refused_at_once(option: str, tmp_path: Path) -> None:
    done = CliRunner().invoke(main, [option, str(tmp_path / "missing" / "result")])
    assert done.exit_code == 2
    assert "make it first" in done.output
