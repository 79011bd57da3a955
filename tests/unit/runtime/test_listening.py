"""Which ports a command line, an environment, an image name: those that can be read in one way alone."""

from __future__ import annotations

import pytest

from whit.runtime.listening import Port, code_ports, exposed_ports, said_words, told, variable_ports, word_ports


def numbers(*words: str) -> list[int]:
    return [port.number for port in word_ports(words)]


@pytest.mark.parametrize(
    "line",
    [
        ":8080",
        "0.0.0.0:8080",
        "[::]:8080",
        "*:8080",
        "http://:8080",
        "tcp://0.0.0.0:8080",
        "--addr :8080",
        "--addr=:8080",
        "-listen 127.0.0.1:8080",
        "--http.address=localhost:8080",
        "--port 8080",
        "--port=8080",
        "-port 8080",
        "-p 8080",
        "-p 127.0.0.1:8080",
        "--http-port 8080",
        "--web.listen=:8080",
        "--server_port=8080",
        "serve --quiet --port 8080 /srv",
        "listen=:8080",
        "PORT=8080",
        "--listen-client-urls http://0.0.0.0:8080",
        "--listen-peer-urls=http://localhost:8080",
    ],
)
def test_a_command_line_names_a_port(line: str) -> None:
    assert numbers(*line.split()) == [8080]


@pytest.mark.parametrize(
    "line",
    [
        "",
        "8080",
        "-n 8080",
        "--workers 8080",
        "--report 8080",
        "--passport=8080",
        "--db-port 5432",
        "--db localhost:5432",
        "--redis-addr :6379",
        "--upstream=0.0.0.0:8080",
        "--initial-advertise-peer-urls http://localhost:8080",
        "localhost:5432",
        "db:5432",
        "http://example.org:8080",
        "http://localhost:8080/",
        "--port 0",
        "--port 65536",
        "--port -1",
        "--port 8080x",
        "--port",
        "12:30",
        "a::8080",
        ":123456",
        "/srv:8080",
        "--port ٨٠",
    ],
)
def test_another_one_names_none(line: str) -> None:
    assert numbers(*line.split()) == []


def test_several_are_named_each_with_its_words() -> None:
    assert list(word_ports(["--addrs=:80,[::]:443", "-p", "9"])) == [
        Port(80, "--addrs=:80,[::]:443"),
        Port(443, "--addrs=:80,[::]:443"),
        Port(9, "-p 9"),
    ]


def test_variables_that_say_so_name_ports() -> None:
    named = (("PORT", "8080"), ("HTTP_PORT", "81"), ("LISTEN_ADDR", ":82"), ("HOST", "0.0.0.0:83"))
    others = (("DB_PORT", "5432"), ("X", ":84"), ("REDIS_URL", "localhost:6379"), ("KUBERNETES_SERVICE_PORT", "443"))

    assert [(port.number, port.source) for port in variable_ports((*named, *others))] == [
        (8080, "PORT=8080"),
        (81, "HTTP_PORT=81"),
        (82, "LISTEN_ADDR=:82"),
        (83, "HOST=0.0.0.0:83"),
    ]


def test_what_an_image_exposes_and_code_shows() -> None:
    assert [port.number for port in exposed_ports(["80/tcp", "53/udp", "90-92", "x", "70000", "9" * 99])] == [
        *(80, 90, 91, 92),
    ]
    assert list(code_ports([":8080", "localhost:http"])) == [Port(8080, "its code: :8080")]


def test_they_are_told_with_where_each_was_found_first() -> None:
    assert told(()) == "no port"
    assert told([Port(80, "EXPOSE 80"), Port(80, ":80"), Port(9, "-p 9")]) == "9 (-p 9), 80 (EXPOSE 80)"
    assert told(Port(number, "x") for number in range(1, 10)).endswith("6 (x), 3 more")


def test_an_image_s_words_are_shown_short_and_without_what_a_terminal_would_do() -> None:
    shown = told(word_ports([f"--\x1b]0;x\x07{'a' * 1000}.addr", ":80"]))

    assert shown.startswith("80 (--?]0;x?aaa")
    assert len(shown) < 80


@pytest.mark.parametrize(
    ("command", "found"),
    [
        (["/server", "-p", "80"], [80]),
        (["/bin/sh", "-c", "exec /server -port 8081"], [8081]),
        (["sh", "-ec", "PATH=/bin; server --listen '0.0.0.0:70' && other --addr=:71"], [70, 71]),
        (["/busybox", "sh", "-c", "httpd -f -p 8080"], [8080]),
        (["/busybox", "httpd", "-p", "8080"], [8080]),
        # of a script's own words nothing is one's that is beside it, and what is no script is read as it stands
        (["sh", "-c", "server", "-p", "80"], []),
        (["python", "-c", "x -p 80"], []),
        (["sh", "/script", "-p", "80"], [80]),
        (["sh", "-c", "server -p '80"], []),
        (["sh", "-c", "server -p $PORT"], []),
        (["sh", "-c", "server -p 80 " + "x" * 20000], []),
        (["sh", "-c"], []),
        (["sh"], []),
        ([], []),
    ],
)
def test_a_shell_s_script_is_read_as_a_command_line(command: list[str], found: list[int]) -> None:
    assert [port.number for port in word_ports(said_words(command))] == found
