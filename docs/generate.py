"""Writes the pages that are generated from the code (`PAGES`). With --check it only compares."""

from __future__ import annotations

import sys
from itertools import groupby
from pathlib import Path

from tpcharness.cli.exits import ExitCode
from tpcharness.daemon.web.openapi import openapi_text
from tpcharness.export.metrics.catalogue import CATALOGUE, ON_DEMAND
from tpcharness.model.contrast import ContrastKind
from tpcharness.model.needs import key_of
from tpcharness.model.reason import TABLE
from tpcharness.model.variant import DOOR_VARIANTS, ROBOT_VARIANTS, Blame, Variant
from tpcharness.model.variant_words import SENTENCES

HERE = Path(__file__).parent


def reasons() -> str:
    """The table of reasons, phase by phase."""
    digits = ", ".join(f"{blame.digit} {blame.value}" for blame in Blame)
    lines = [
        "# Reasons",
        "",
        "Generated from `tpcharness/model/reason_rows.py`; `tpcharness explain` says the same. Numbers, names and",
        f"phases are frozen. A result's `code` is 10 × number + a digit for the blame: {digits}.",
    ]
    rows = sorted(TABLE.values(), key=lambda row: (list(type(row.phase)).index(row.phase), row.number))
    for phase, group in groupby(rows, key=lambda row: row.phase):
        lines += ["", f"## {phase.value}", "", "| number | reason | what | who has to act | what to do |"]
        lines.append("| --- | --- | --- | --- | --- |")
        lines += [f"| {row.number} | `{row.reason}` | {row.sentence} | {row.who} | {row.fix} |" for row in group]
    return "\n".join(lines) + "\n"


def exit_codes() -> str:
    """The exit codes."""
    lines = [
        "# Exit codes",
        "",
        "The same for every command but `plugin`, whose codes are those of monitoring plug-ins; public and frozen.",
        "`tpcharness explain CODE` says them too.",
        "",
        "| code | meaning | what to do |",
        "| --- | --- | --- |",
        *(f"| {int(code)} | {code.sentence} | {code.advice} |" for code in ExitCode),
        "",
        "`testbed demo` exits with 0 only if the findings are exactly the planted culprit and every other cell is ok.",
    ]
    return "\n".join(lines) + "\n"


def contrasts() -> str:
    """What several variants say together."""
    rows = [f"| `{kind}` | {kind.info.compared} | {kind.info.meaning} | {kind.info.ground} |" for kind in ContrastKind]
    return "\n".join([*_CONTRASTS_BEFORE.splitlines(), *rows, "", *_CONTRASTS_AFTER.splitlines()]) + "\n"


_CONTRASTS_BEFORE = """\
# Contrasts

Generated from `tpcharness/model/contrast.py`; `tpcharness explain CONTRAST` says the same.

What several variants of one link or endpoint say together that none of them says alone. A contrast rests on tried
results only, at most a day apart: one that is missing, skipped or stale makes it silent. It settles who has to act
where a result left that open, never where it was certain; where it points at nobody, it blames nobody.

| kind | what is compared | what follows | why |
| --- | --- | --- | --- |"""

_CONTRASTS_AFTER = """\
They stand below the findings in every output, in JSON under `contrasts`, and in the sentence of a finding that they
make more certain. `culprit` is the endpoint that a contrast points at, `probe_ids` are its results."""


def metrics() -> str:
    """Every metric, section by section, and how to come by them."""
    lines = _METRICS_BEFORE.splitlines()
    for section, group in groupby((*CATALOGUE, *ON_DEMAND), key=lambda metric: metric.section):
        lines += ["", f"## {section.value}", "", "| name | type | labels | meaning | in a run |"]
        lines.append("| --- | --- | --- | --- | --- |")
        for metric in group:
            labels = ", ".join(f"`{label}`" for label in metric.labels)
            one_shot = "yes" if metric.one_shot else ""
            lines.append(f"| `{metric.name}` | {metric.kind.value} | {labels} | {metric.help} | {one_shot} |")
    every = ", ".join(f"`{variant.value}`" for variant in Variant)
    after = _METRICS_AFTER.replace("VARIANTS", every)
    return "\n".join([*lines, "", *after.splitlines()]) + "\n"


def variants() -> str:
    """Every way to probe, what it needs, and how it is chosen."""
    rows = []
    for variant in Variant:
        about = "link" if variant.of_link else "endpoint"
        source, destination = (" ".join(f"`{key_of(field)}`" for field in side) for side in variant.needs)
        if not variant.of_link or source == destination:
            needs = destination
        else:
            needs = ", ".join(
                f"{keys} at the {end}" for keys, end in ((source, "source"), (destination, "destination")) if keys
            )
        by_name = "by name only" if variant in ROBOT_VARIANTS else "first" if variant in DOOR_VARIANTS else ""
        rows.append(f"| `{variant}` | {about} | {SENTENCES[variant]} | {needs} | {by_name} |")
    return "\n".join([*_VARIANTS_BEFORE.splitlines(), *rows, "", *_VARIANTS_AFTER.splitlines()]) + "\n"


_VARIANTS_BEFORE = """\
# Variants

Generated from `tpcharness/model/variant.py`. Names are public: they are only added.

| variant | about a | what it does | keys of `[endpoints.NAME]` that it needs | when |
| --- | --- | --- | --- | --- |"""

_VARIANTS_AFTER = """\
They are chosen by name, as `variant` of `[[probes]]`; for one run by `--variant` of `matrix`, `probe`, `check` and
`plugin`. A variant of links is probed for every pair of `sources` and `destinations`, one of endpoints for every
endpoint that is among either. Where an endpoint lacks something, it is left out as `no_root_door` or `not_configured`;
`matrix --plan` says which key of which endpoint is missing.

- `--variant all` is every variant of links that the configuration makes possible; for `check` and `probe ENDPOINT`
  every one of endpoints. A glob, such as `--variant 'webdav-*'`, is every one that it matches.
- What mounts tapes runs only where it is called by its name, in `[[probes]]` or after `--variant`: never by `all` or a
  glob. `tape-recall` copies the registered file as it is, once, whatever `sizes` says.
- Doors come first, wherever anything needs them, and cannot be chosen in `[[probes]]`. Links and direct transfers whose
  door has failed are not tried (`endpoint_down`). A tape service and a legacy door are servers of their own: they are
  asked regardless, and an endpoint is never down for what they say.
- A service repeats variants of endpoints at the `interval` of their `[[probes]]`, and counts what direct transfers move
  in `bytes_per_day` and `transfers_per_day`.
- The `gfal-` variants need gfal2 on this machine. Without it they end in errors that say so, and all others go on."""


_METRICS_BEFORE = """\
# Metrics

Generated from `tpcharness/export/metrics/catalogue.py`. Names and labels are public: they are only added.

A running service has two paths. `/metrics` is small: the service itself, all endpoints, and everything about links that
can be said without naming each. `/metrics/links` has the families of links, one sample per link and way of copying, six
families: scrape it less often. Prometheus asks for both:

```yaml
scrape_configs:
  - job_name: tpcharness
    scrape_interval: 30s
    static_configs: [{targets: ["127.0.0.1:10919"]}]
  - job_name: tpcharness-links
    metrics_path: /metrics/links
    scrape_interval: 60s  # at most 2 minutes, or the points do not join
    static_configs: [{targets: ["127.0.0.1:10919"]}]
```

`/probe?source=NAME&destination=NAME&variant=https-pull`, with a password, probes one link now. It answers with the
success, code and duration that a link has below, without their labels, and with the families of the last section.

`link_metrics` in `[daemon]` says which links: `full`, `failing` (while the latest result, or the confirmed state, is a
failure or an error), `none`, or `auto`, which is `full` up to 20,000 links. With `failing`, a link that is absent may
be ok: rest dashboards and alerts on the families of endpoints, which are always complete. A full mesh of 170 endpoints
has half a million samples; that costs Prometheus some 2 GB of memory.

## What absent means

- No `probe_success` and no code: the link never ran, was skipped (an endpoint is down), or its result is stale. It does
  not mean 0. `..._last_run_timestamp_seconds` stays.
- A result is stale when it is older than three intervals of its probe (`stale_after` in `[daemon]`).
- A link that a reload has removed is gone with the next scrape.
- Counters are absent until they are raised for the first time. They survive a restart.

## Without a service

```
tpcharness matrix endpoints.toml --output prometheus:/var/lib/node_exporter/textfile/tpcharness.prom
tpcharness matrix endpoints.toml --push-gateway http://pushgateway.example:9091
```

The file appears whole or not at all, as node_exporter's textfile collector wants it. The Pushgateway gets it under job
`tpcharness` and the harness's name as instance; it replaces what was there. `tpcharness check` knows both too. The
last column tells what such a run has: no counters, because they would start anew each time, and a rate over that is
a wrong number."""

_METRICS_AFTER = """\
Beside these, `/metrics` has `process_*`, as every client library has them: memory, CPU, open files, time of start.

## Labels

| label | values |
| --- | --- |
| `source`, `destination`, `endpoint` | names of endpoints, as configured |
| `culprit` | an endpoint, several of them, a link (`SITE-A -> SITE-B`), an issuer, or `client` for us |
| `variant` | how it is probed: VARIANTS |
| `role` | what the endpoint was in the probe: `source` or `destination`; alone it is the destination |
| `outcome` | `ok`, `failure` (a storage, an issuer or the path failed), `error` (we failed), `skipped` |
| `reason`, `phase`, `blame`, `code` | as in [reasons](reasons.md) |

A result code is a number in one metric and a label in another; `count_values` joins them:

```
count_values("code", tpcharness_probe_result_code)
  * on (code) group_left (reason, blame) tpcharness_result_code_info
```"""


PAGES = {
    "reasons.md": reasons,
    "contrasts.md": contrasts,
    "exit-codes.md": exit_codes,
    "metrics.md": metrics,
    "variants.md": variants,
    "openapi.json": openapi_text,
}


def main(words: list[str]) -> int:
    stale = [name for name, make in PAGES.items() if not (HERE / name).exists() or (HERE / name).read_text() != make()]
    if "--check" in words:
        for name in stale:
            sys.stderr.write(f"docs/{name} is not what the code says: run python docs/generate.py\n")
        return 1 if stale else 0
    for name in stale:
        (HERE / name).write_text(PAGES[name]())
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
