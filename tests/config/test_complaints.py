"""What the schema minds, in words: one small file for each rule."""

from pathlib import Path

import pytest

from tpcharness.config.complaints import judge
from tpcharness.config.source import Source, read_source


def judged(tmp_path: Path, text: str):
    path = tmp_path / "f.toml"
    path.write_text(text)
    source = read_source(path)
    assert isinstance(source, Source), source
    return judge(source)


ENDPOINT = '[endpoints.A]\nhttps = "https://a.example/x"\n'
CLIENT = '[tokens.t]\nkind = "client-credentials"\nissuer = "https://i/"\nclient_id = "c"\nclient_secret_file = "f"\n'


@pytest.mark.parametrize(
    ("text", "line", "told"),
    [
        # unknown keys: nearest, not built, of another section, of another kind
        ("harnes = 1", 1, 'harnes = 1 is not a known key; did you mean "harness"?'),
        ("[endpoint.A]", 1, 'endpoint is not a known key; did you mean "endpoints"?'),
        ("[[probe]]", 1, 'probe = [{...}] is not a known key; did you mean "probes"?'),
        ('[harness]\nnaem = "x"', 2, 'harness.naem = "x" is not a known key; did you mean "name"?'),
        ("[harness]\nzzz = 1", 2, "harness.zzz = 1 is not a known key; known here: name, contact, state_dir, "),
        ('[harness]\ngfal_python = "python3 -s"', 2, "is not a command or a path; write the interpreter alone"),
        ('[harness]\ngfal_python = " "', 2, 'harness.gfal_python = " " is empty; fill it in, or remove the line'),
        (ENDPOINT + 'tape = "x"', 3, 'endpoints.A.tape = "x" must be a section'),
        (ENDPOINT + 'root = "root://a/x"', 3, 'endpoints.A.root = "root://a/x" has no // before its path'),
        (ENDPOINT + 'tape_archive = "/"', 3, 'endpoints.A.tape_archive = "/" is not the path of a directory'),
        (ENDPOINT + 'tape_archive = "x"', 3, "is not the path of a directory; begin it with /"),
        (ENDPOINT + 'tape_archive = "/x/../y"', 3, "has . or .. in its path"),
        (ENDPOINT + 'cache = "https://c/x"', 3, "is not a root:// or roots:// URL"),
        (
            ENDPOINT + 'gsiftp = "ftp://a/x"',
            3,
            'endpoints.A.gsiftp = "ftp://a/x" is not a gsiftp:// URL; write gsiftp://',
        ),
        (ENDPOINT + 'srm = "https://a/x"', 3, 'endpoints.A.srm = "https://a/x" is not a srm:// URL; write srm://'),
        (ENDPOINT + "[endpoints.A.tape]\nfile = []", 4, "endpoints.A.tape.file = [] is not a known key; did you mean"),
        (ENDPOINT + '[endpoints.A.tape]\nfiles = ["/x/y"]\n[timeouts]\nstage = "25h"', 6, "is longer than a day"),
        (ENDPOINT + '[endpoints.A.tape]\nfiles = ["x"]', 4, "is not the path of a file"),
        (ENDPOINT + '[endpoints.A.tape]\nfiles = ["/x/"]', 4, "is not the path of a file"),
        (ENDPOINT + '[endpoints.A.tape]\nfiles = ["/x/../y"]', 4, "has . or .. in its path"),
        (ENDPOINT + '[endpoints.A.tape]\nfiles = ["/x/%41"]', 4, "that servers read in different ways"),
        (ENDPOINT + "concurrency = 3", 3, "endpoints.A.concurrency = 3 does not belong here; move it to [limits]"),
        ('[defaults]\nsite = "x"', 2, 'defaults.site = "x" does not belong here; move it to [endpoints.NAME]'),
        ('[tokens.t]\nkind = "env"\nvariable = "A"\nissuer = "x"', 4, "is not used by this kind of token source (env)"),
        (
            '[tokens.t]\nkind = "env"\nvariable = "A"\nclient_secret = "x"',
            4,
            "client_secret = <redacted> is not a known",
        ),
        # missing
        ("[endpoints.A]", 1, "endpoints.A.https is missing; add https = ..."),
        (ENDPOINT.replace("https =", "htps ="), 1, "endpoints.A.https is missing"),
        ('[tokens.t]\nkind = "file"', 1, "tokens.t.path is missing"),
        ("[tokens.t]", 1, "tokens.t.kind is missing; write kind = one of file, env, discovery, client-credentials"),
        # kinds, choices, variants
        ('[tokens.t]\nkind = "macaroon"', 2, 'tokens.t.kind = "macaroon" is not supported by this version'),
        ('[tokens.t]\nkind = "fil"', 2, 'tokens.t.kind = "fil" is not a kind of token source; did you mean "file"?'),
        ("[tokens.t]\nkind = 3", 2, "tokens.t.kind = 3 is not a kind of token source; write one of file"),
        (ENDPOINT + 'redirect_auth = "kep"', 3, "is not one of the choices; write one of keep, drop, same-domain"),
        (ENDPOINT + "address_family = 4", 3, "is not one of the choices; write one of any, ipv4, ipv6"),
        ('[[probes]]\nvariant = "https-pul"', 2, 'is not a variant; did you mean "https-pull"?'),
        (
            '[[probes]]\nvariant = ["door"]',
            2,
            "is no choice; leave it out: every endpoint's door is checked first",
        ),
        ('[[probes]]\nvariant = ["https-pull", "root-door"]', 2, "is no choice; leave it out"),
        (
            '[[probes]]\nvariant = ["https-*"]',
            2,
            '"https-*" is no variant but a pattern; patterns are for --variant; here write https-pull, https-push',
        ),
        ('[[probes]]\nvariant = "webdav-uplaod"', 2, 'is not a variant; did you mean "webdav-upload"?'),
        ('[[probes]]\nvariant = "fts-https"', 2, '"fts-https" is not supported by this version'),
        ("[[probes]]\nvariant = 3", 2, "probes[0].variant = 3 is not a variant; write one of https-pull, https-push"),
        ("[[probes]]\nvariant = []", 2, "is an empty list"),
        # types
        ("[harness]\nname = 3", 2, "harness.name = 3 must be a text; put it in double quotes"),
        (ENDPOINT + 'max_transfers = "4"', 3, "must be a whole number; write it without quotes"),
        (ENDPOINT + "max_transfers = 4.5", 3, "must be a whole number"),
        (ENDPOINT + "max_transfers = true", 3, "max_transfers = true must be a whole number"),
        ('[harness]\nopt_out = "A"', 2, "must be a list; put it in brackets"),
        ("limits = 4", 1, "limits = 4 must be a section"),
        ("tokens = 4", 1, "tokens = 4 must be a section"),
        ("endpoints = [1]", 1, "endpoints = [1] must be a section"),
        ("[endpoints]\nA = 4", 2, "endpoints.A = 4 must be a section"),
        ("[tokens]\nt = 4", 2, "tokens.t = 4 must be a section"),
        ("[probes]", 1, "probes must be a list"),
        # ranges
        ("[limits]\nper_host = 0", 2, "limits.per_host = 0 must be at least 1"),
        ("[limits]\nconcurrency = 100000", 2, "must be at most 10000"),
        ("[timeouts]\nconnect = 0", 2, "timeouts.connect = 0 must be more than 0"),
        ("[timeouts]\nconnect = -1", 2, "out of range"),
        ("[timeouts]\nconnect = inf", 2, "out of range"),
        ('[timeouts]\nconnect = "x"', 2, 'timeouts.connect = "x" is not a duration; write seconds'),
        ("[defaults]\nsizes = [1,\n2.5]", 3, "defaults.sizes[1] = 2.5 is not a size; write bytes"),
        ("[defaults]\nsizes = []", 2, "is an empty list"),
        # texts
        ('[harness]\nname = ".."', 2, "cannot be the name of a directory"),
        ('[harness]\nname = "a/b"', 2, "cannot be the name of a directory"),
        ('[harness]\nname = "%2e%2e"', 2, "cannot be the name of a directory"),
        ('[harness]\nname = ""', 2, "cannot be the name of a directory"),
        ('[harness]\nname = "' + "a" * 65 + '"', 2, "cannot be the name of a directory"),
        ('[harness]\ncontact = "a\\r\\nX: y"', 2, "cannot stand in a User-Agent"),
        ('[harness]\ncontact = "jörg"', 2, "cannot stand in a User-Agent"),
        ('[harness]\nstate_dir = ""', 2, "is empty; fill it in"),
        ('[endpoints."a b"]\nhttps = "https://a/x"', 1, 'endpoints."a b" is not a name that can stand in reports'),
        ('[endpoints.""]\nhttps = "https://a/x"', 1, 'endpoints."" is not a name'),
        ('[tokens."a\\nb"]\nkind = "discovery"', 1, 'tokens."a\\nb" is not a name'),
        (ENDPOINT + 'site = "a\\u202eb"', 3, "has control characters in it"),
        (ENDPOINT + 'scope_base = "x"', 3, "is not a valid URL path"),
        (ENDPOINT + 'scope_base = "/../x"', 3, "detours"),
        (CLIENT.replace("https://i/", "http://i/"), 3, "tokens.t.issuer"),
        (CLIENT.replace('"c"', '""'), 4, 'tokens.t.client_id = "" is empty'),
        ('[tokens.t]\nkind = "env"\nvariable = "eyJhbGci.x"', 3, "variable = <redacted> is not the name of an"),
        ('[daemon]\nlisten = "10919"', 2, "is not an address to listen on"),
    ],
)
def test_each_rule_has_its_words(tmp_path, text, line, told):
    _, problems = judged(tmp_path, text)
    found = [problem for problem in problems if told in problem.one_line]
    assert len(found) == 1, [problem.one_line for problem in problems]
    assert found[0].line == line
    assert len(problems) <= 2  # a misspelt key that is needed is also missing


def test_a_sound_file_has_no_problems(tmp_path):
    file, problems = judged(tmp_path, ENDPOINT + CLIENT)
    assert problems == []
    assert list(file.endpoints) == ["A"]


def test_the_sound_part_is_kept(tmp_path):
    text = ENDPOINT + 'max_transfers = 0\nsite = "S"\n[endpoints.B]\n[endpoints.C]\nhttps = "x"\n'
    text += '[[probes]]\nvariant = ["door", "https-push", 3, "https-pull"]\nsizes = ["x"]\n[limits]\nper_host = "x"\n'
    file, problems = judged(tmp_path, text)
    assert len(problems) == 7
    assert list(file.endpoints) == ["A"]
    assert (file.endpoints["A"].site, file.endpoints["A"].max_transfers) == ("S", 4)
    assert file.probes[0].variant == ["https-push", "https-pull"]
    assert file.probes[0].sizes == [2**20]
    assert file.limits.per_host == 8


def test_long_lists_are_cut_at_the_right_places(tmp_path):
    sizes = ", ".join('"x"' if index in {0, 2, 9, 10, 11, 99, 100} else str(index) for index in range(120))
    file, problems = judged(tmp_path, f"[defaults]\nsizes = [{sizes}]\n")
    assert len(problems) == 7
    assert file.defaults.sizes == [index for index in range(120) if index not in {0, 2, 9, 10, 11, 99, 100}]
