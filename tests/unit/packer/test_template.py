"""``--format``: what Go's text/template with docker's functions makes of the same value (checked against Go itself)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from whit.packer.template import TemplateError, json_text, parse

VALUE = {
    "Id": "0123456789abcdef",
    "Name": "/web",
    "State": {"Status": "running", "Running": True, "Pid": 123, "Error": "", "Health": None, "Load": 1.5, "N": -5},
    "Config": {"Cmd": ["/a", "b c"], "Env": ["A=1", "B=ü<&>"], "Labels": {"z": "1", "a.b": "two"}},
    "Mounts": [{"Source": "/x", "RW": True}, {"Source": "/p", "RW": False}],
    "Empty": [],
    "Ints": [1, 2, 3],
    "Mixed": ["a", 1, None, True],
    "Words": "héllo wörld_x y-z it's",
}

SHOWN = r"""
{{.Id}} => 0123456789abcdef
{{.ID}} => 0123456789abcdef
{{.Mounts}} => [map[RW:true Source:/x] map[RW:false Source:/p]]
{{json .Config}} => {"Cmd":["/a","b c"],"Env":["A=1","B=ü<&>"],"Labels":{"a.b":"two","z":"1"}}
{{json .State.Load}} {{json .State.Health}} {{json .Empty}} => 1.5 null []
{{.State.Health}}|{{.Mixed}}|{{.Empty}} => <no value>|[a 1 <nil> true]|[]
{{1000000.0}} {{1e20}} {{1e-7}} {{100000.5}} {{printf "%v" -1.25e30}} => 1e+06 1e+20 1e-07 100000.5 -1.25e+30
{{range .Mounts}}{{.Source}};{{end}} => /x;/p;
{{range $i, $m := .Mounts}}{{$i}}={{$m.Source}},{{$.Name}} {{end}} => 0=/x,/web 1=/p,/web
{{range $k, $v := .Config.Labels}}{{$k}}={{$v}};{{end}} => a.b=two;z=1;
{{range .Empty}}x{{else}}none{{end}} => none
{{range .Ints}}{{if eq . 2}}{{continue}}{{end}}{{.}}{{end}} => 13
{{range .Ints}}{{if eq . 2}}{{break}}{{end}}{{.}}{{end}} => 1
{{range 3}}{{.}}{{end}} => 012
{{if .State.Running}}up{{else}}down{{end}} => up
{{if eq .State.Status "exited"}}a{{else if eq .State.Status "x" "running"}}b{{else}}c{{end}} => b
{{with .State.Health}}{{.Status}}{{else with .Name}}{{.}}{{end}} => /web
{{if .State.Health}}{{.State.Health.Status}}{{else}}-{{end}} => -
{{with .Config.Healthcheck}}{{.Test}}{{else}}none{{end}}{{.Config.StopSignal}} => none
{{index .Config.Labels "a.b"}} {{index .Config.Cmd 1}} {{(index .Mounts 0).Source}} => two b c /x
[{{index .Config.Labels "absent"}}] {{.Config.Labels.absent}} => [] <no value>
{{len .Mounts}} {{len .Words}} {{len .Config.Labels}} => 2 24 2
{{printf "%s|%6s|%-6s|%.3s|%q" .Name "a" "b" "abcdef" "q\"\n"}} => /web|     a|b     |abc|"q\"\n"
{{printf "%d|%5d|%-5d|%05d|%x|%X|%o|%b|%+d|% d|%c" 42 42 42 42 255 255 8 5 3 3 65}} => 42|   42|42   |00042|ff|FF|10|101|+3| 3|A
{{printf "%.2f %6.1f %e %g %08.3f" 3.14159 2.5 12345.678 0.0001 3.14159}} => 3.14    2.5 1.234568e+04 0.0001 0003.142
{{printf "%d" "x"}} {{printf "%s" 3}} {{printf "%s %s" "a"}} => %!d(string=x) %!s(int=3) a %!s(MISSING)
{{printf "a" "b" 3}} {{printf "100%%"}} {{printf "%"}} => a%!(EXTRA string=b, int=3) 100% %!(NOVERB)
{{printf "%s" .Config.Cmd}} {{printf "%q" .Config.Cmd}} {{printf "%s" .Ints}} => [/a b c] ["/a" "b c"] [%!s(int=1) %!s(int=2) %!s(int=3)]
{{join .Config.Cmd ","}} {{upper "ab"}} {{lower "AB"}} {{split "a,b" ","}} {{truncate .Id 4}} => /a,b c AB ab [a b] 0123
[{{pad "x" 1 2}}] [{{pad "" 1 2}}] => [ x  ] []
{{title .Words}} => Héllo Wörld_x Y-Z It'S
{{print "a" 1 2 "b" "c" 3}} => a1 2bc3
{{and 1 0 2}} {{or 0 "" "x"}} {{not 0}} {{or (eq 1 2) (lt 1 2)}} => 0 x true true
{{ne 1 2}} {{lt 1 2}} {{le 2 2}} {{gt "b" "a"}} {{ge 1.5 1.5}} => true true true true true
{{.Id | upper | printf "%.12s"}} {{"x" | printf "%s-%s" "a"}} => 0123456789AB a-x
a  {{- .State.Pid -}}  b => a123b
a {{- /* said */ -}} b{{/* more */}}c => abc
{{$x := 1}}{{$x}}{{if true}}{{$x := 3}}{{$x}}{{end}}{{$x}}{{range .Ints}}{{$x = .}}{{end}}{{$x}} => 1313
{{html "<a href='x'>\"&"}} {{urlquery "a b&c/d"}} {{slice .Id 0 4}} => &lt;a href=&#39;x&#39;&gt;&#34;&amp; a+b%26c%2Fd 0123
{{`raw \n`}} {{"\x41\u00fc\101"}} {{'a'}} {{0x1F}} {{1_000}} {{017}} {{.5}} => raw \n AüA 97 31 1000 15 0.5
{{range .Config.Env}}{{index (split . "=") 0}} {{end}} => A B
{{$s := .State}}{{$s.Status}} {{(.State).N}} {{$.Name}} => running -5 /web
"""
CASES = [tuple(line.split(" => ", 1)) for line in SHOWN.strip().splitlines()]


@pytest.mark.parametrize(("text", "shown"), CASES, ids=[case[0] for case in CASES])
def test_a_template_shows_what_docker_shows(text: str, shown: str) -> None:
    assert parse(text).render(VALUE).rstrip() == shown


WRONG = {
    "{{.State.Statsu}}": ("field .State.Statsu isn't there", "known fields: Status, Error"),
    "{{.Names}}": ("field .Names isn't there", "known fields: Name,"),
    "{{.Name.First}}": (".Name is a string", None),
    "{{.Mounts.Source}}": (".Mounts is a list", "{{range .Mounts}}"),
    "{{.State.Health.Status}}": (".State.Health is empty", "{{with .State.Health}}"),
    "{{jsno .}}": ("no function 'jsno'", "did you mean json?"),
    "{{.Name .Id}}": (".Name has arguments", "index"),
    "{{upper 1}}": ("upper takes a string, and got an int", "printf"),
    "{{upper}}": ("upper doesn't take 0 arguments", None),
    "{{eq .Ints .Ints}}": ("can't be compared", "len"),
    '{{eq 1 "1"}}': ("an int can't be compared with a string", "printf"),
    "{{index .Ints 9}}": ("index 9 is out of range", "first one is 0"),
    "{{.Name": ("ends inside of an action", "close it"),
    "{{.Name}": ("'}' isn't understood", None),
    '{{"abc}}': ("has no end", "end it with"),
    "{{if .Name}}x": ("has no {{end}}", "close it"),
    "{{if}}x{{end}}": ("a value is missing", None),
    "{{if 1}}{{else}}{{else}}{{end}}": ("two {{else}}", "else if"),
    "{{end}}": ("nothing opened", None),
    "{{break}}": ("outside of any {{range}}", None),
    "{{$y}}": ("no variable $y", ":="),
    "{{if true}}{{$y := 1}}{{end}}{{$y}}": ("no variable $y", ":="),
    "{{..Name}}": ("two dots", "write .Name"),
    '{{template "x"}}': ("isn't taken", "one piece"),
    "{{1 | 2}}": ("isn't a function", None),
    "{{range $i, $j := 3}}{{end}}": ("has one variable", "range $at"),
}


@pytest.mark.parametrize("text", WRONG)
def test_what_is_wrong_with_a_template_is_said_in_one_line_with_what_to_do(text: str) -> None:
    message, hint = WRONG[text]
    with pytest.raises(TemplateError) as caught:
        parse(text).render(VALUE)
    assert message in caught.value.message
    assert "\n" not in caught.value.message
    assert hint is None or hint in (caught.value.hint or "")
    assert caught.value.exit_code == 1


def test_a_method_gets_the_value_and_its_arguments() -> None:
    row = {"Names": "web", "Labels": "a=1"}
    methods = {"Label": lambda value, name: f"{value['Names']}.{name}"}
    assert parse('{{.Label "team"}} {{$.Label "x"}}').render(row, methods) == "web.team web.x"
    with pytest.raises(TemplateError, match=r"\.Label doesn't take 0 arguments"):
        parse("{{.Label}}").render(row, methods)


MALICIOUS = {
    "loops in loops": ("{{range 100000}}{{range 100000}}{{range 100000}}{{end}}{{end}}{{end}}", "takes too long"),
    "a text that doubles": ('{{$x := "aa"}}{{range 1000}}{{$x = print $x $x}}{{end}}', "takes too long"),
    "wide pads": ('{{pad "x" 1000000000000 0}}', "pad adds 0 to"),
    "parentheses": ("{{" + "(" * 5000 + ".Name" + ")" * 5000 + "}}", "nested more than"),
    "blocks": ("{{if 1}}" * 4000 + "{{end}}" * 4000, "nested more than"),
    "its size": ("x" * 100_000, "at most"),
    "output": ('{{range 1000}}{{printf "%900000s" "x"}}{{end}}', "MiB of text"),
    "a number without end": ("{{" + "1" * 5000 + "}}", "is no number"),
}


@pytest.mark.parametrize("name", MALICIOUS)
def test_a_malicious_template_is_bounded(name: str) -> None:
    text, message = MALICIOUS[name]
    with pytest.raises(TemplateError, match=message):
        parse(text).render(VALUE)


@given(st.text("{}()|.$:=-\"`'/* \\\tabeIifndrgl0123,", max_size=60))
def test_any_text_is_a_template_or_told_what_is_wrong(text: str) -> None:
    for one in (text, "{{" + text + "}}", "{{if " + text + "}}a{{else}}b{{end}}"):
        try:
            parse(one).render(VALUE)
        except TemplateError as error:
            assert error.message  # noqa: PT017 - either is well


def test_json_is_go_s() -> None:
    value = {"b": 1e21, "a": ["<&>\u2028\udcff", 1e-7, 100.0, True, None]}
    assert json_text(value) == '{"b":1e+21,"a":["<&>\\u2028\\ufffd",1e-7,100,true,null]}'
