"""Whole runs and findings as JSON documents (design 4), and back again. One result is `results.record`'s matter."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from tpcharness.model.contrast import Contrast, ContrastKind
from tpcharness.model.finding import Finding, FindingKind
from tpcharness.model.plan import Dropped, DropReason
from tpcharness.model.reason import Reason
from tpcharness.model.result import SCHEMA_VERSION, Result
from tpcharness.model.variant import DOOR_VARIANTS, Blame, Variant
from tpcharness.results.fields import DocumentError, Fields
from tpcharness.results.record import (
    Document,
    moment_text,
    parse_json,
    read_result,
    read_result_fields,
    read_subject,
    result_document,
    subject_document,
    to_json,
)
from tpcharness.results.run import EndpointFacts, RunEnd, RunFacts

__all__ = [
    "Document",
    "RunDocument",
    "check_version",
    "contrast_document",
    "document_text",
    "finding_document",
    "is_control",
    "moment_text",
    "parse_json",
    "read_contrast",
    "read_document",
    "read_finding",
    "read_result",
    "read_run",
    "result_document",
    "run_document",
    "run_facts_document",
    "split_controls",
    "subject_document",
    "to_json",
]


@dataclass(frozen=True, slots=True)
class RunDocument:
    """What a JSON document holds."""

    run: RunFacts
    results: tuple[Result, ...]
    findings: tuple[Finding, ...]


def finding_document(finding: Finding) -> Document:
    return {
        "kind": finding.kind.value,
        "culprits": list(finding.culprits),
        "reason": finding.reason.value,
        "code": finding.reason.code(finding.blame),
        "blame": finding.blame.value,
        "cells": finding.cells,
        "of": finding.of,
        "sentence": finding.sentence,
        "variants": [variant.value for variant in finding.variants],
        "probe_id": finding.probe_id,
        "sources": list(finding.sources),
        "destinations": list(finding.destinations),
        "contrasts": [contrast_document(contrast) for contrast in finding.contrasts],
    }


def contrast_document(contrast: Contrast) -> Document:
    return {
        "kind": contrast.kind.value,
        "subject": subject_document(contrast.subject),
        "variants": [variant.value for variant in contrast.variants],
        "sentence": contrast.sentence,
        "probe_ids": list(contrast.probe_ids),
        "culprit": contrast.culprit,
    }


def run_facts_document(run: RunFacts) -> Document:
    return {
        "run_id": run.run_id,
        "started_at": moment_text(run.started_at),
        "version": run.version,
        "harness": run.harness,
        "config_path": run.config_path,
        "endpoints": [{"name": known.name, "site": known.site, "host": known.host} for known in run.endpoints],
        "planned_doors": run.planned_doors,
        "planned_links": run.planned_links,
        "planned_alone": run.planned_alone,
        "planned_bytes": run.planned_bytes,
        "dropped": [
            {
                "subject": subject_document(dropped.subject),
                "variant": dropped.variant.value,
                "why": dropped.why.value,
                "detail": dropped.detail,
            }
            for dropped in run.dropped
        ],
        "ended_at": None if run.ended_at is None else moment_text(run.ended_at),
        "ended": None if run.ended is None else run.ended.value,
        "warnings": list(run.warnings),
    }


def run_document(
    run: RunFacts, results: Iterable[Result], findings: Iterable[Finding], contrasts: Iterable[Contrast] = ()
) -> Document:
    """The whole document in memory; `document_text` is for the big ones."""
    controls, asked_for = split_controls(run, results)
    return {
        "schema_version": SCHEMA_VERSION,
        "run": {**run_facts_document(run), "doors": [result_document(result) for result in controls]},
        "results": [result_document(result) for result in asked_for],
        "findings": [finding_document(finding) for finding in findings],
        "contrasts": [contrast_document(contrast) for contrast in contrasts],
    }


def split_controls(run: RunFacts, results: Iterable[Result]) -> tuple[list[Result], list[Result]]:
    """The controls of a run, and what was asked for: doors are controls where they are not what it is about."""
    controls: list[Result] = []
    asked_for: list[Result] = []
    for result in results:
        (controls if is_control(run, result) else asked_for).append(result)
    return controls, asked_for


def is_control(run: RunFacts, result: Result) -> bool:
    """Whether a result is there to judge others by it."""
    return run.planned > run.planned_doors and result.variant in DOOR_VARIANTS


def document_text(
    run: RunFacts, results: Iterable[Result], findings: Iterable[Finding], contrasts: Iterable[Contrast] = ()
) -> Iterator[str]:
    """The JSON text of a whole document piece by piece, one result a line: a mesh has tens of thousands."""
    controls, asked_for = split_controls(run, results)
    facts = {**run_facts_document(run), "doors": [result_document(result) for result in controls]}
    yield f'{{"schema_version":{SCHEMA_VERSION},\n"run":{to_json(facts)},\n"results":['
    for number, result in enumerate(asked_for):
        yield f"{',' if number else ''}\n{to_json(result_document(result))}"
    yield f'\n],\n"findings":{to_json([finding_document(finding) for finding in findings])}'
    yield f',\n"contrasts":{to_json([contrast_document(contrast) for contrast in contrasts])}}}\n'


def read_document(document: object) -> RunDocument:
    """A whole document. Raises DocumentError naming what is wrong; unknown fields are ignored."""
    fields = Fields(document, "")
    check_version(fields)
    run = fields.child("run")
    return RunDocument(
        read_run(run),
        tuple(read_result_fields(each) for each in (*run.children("doors"), *fields.children("results"))),
        tuple(read_finding(each) for each in fields.children("findings")),
    )


def check_version(fields: Fields) -> None:
    """Raises DocumentError unless the document is of the one major version that there is."""
    version = fields.integer("schema_version")
    if version != SCHEMA_VERSION:
        raise DocumentError(f"schema_version is {version}; this version of tpcharness reads {SCHEMA_VERSION}")


def read_run(fields: Fields) -> RunFacts:
    return RunFacts(
        run_id=fields.text("run_id"),
        started_at=fields.moment("started_at"),
        version=fields.text("version"),
        harness=fields.text("harness"),
        config_path=fields.text("config_path", ""),
        endpoints=tuple(
            EndpointFacts(each.text("name"), each.text("site", ""), each.text("host", ""))
            for each in fields.children("endpoints")
        ),
        planned_doors=fields.integer("planned_doors", 0),
        planned_links=fields.integer("planned_links", 0),
        planned_alone=fields.integer("planned_alone", 0),
        planned_bytes=fields.integer("planned_bytes", 0),
        dropped=tuple(
            Dropped(
                read_subject(each.child("subject")),
                each.choice("variant", Variant),
                each.choice("why", DropReason),
                each.text("detail", ""),
            )
            for each in fields.children("dropped")
        ),
        ended_at=fields.moment_or_none("ended_at"),
        ended=fields.choice_or_none("ended", RunEnd),
        warnings=fields.texts("warnings"),
    )


def read_finding(fields: Fields) -> Finding:
    return Finding(
        kind=fields.choice("kind", FindingKind),
        culprits=fields.texts("culprits"),
        reason=fields.choice("reason", Reason),
        blame=fields.choice("blame", Blame),
        cells=fields.integer("cells"),
        of=fields.integer("of"),
        sentence=fields.text("sentence"),
        variants=fields.choices("variants", Variant),
        probe_id=fields.text("probe_id", ""),
        sources=fields.texts("sources"),
        destinations=fields.texts("destinations"),
        contrasts=tuple(read_contrast(each) for each in fields.children("contrasts")),
    )


def read_contrast(fields: Fields) -> Contrast:
    return Contrast(
        kind=fields.choice("kind", ContrastKind),
        subject=read_subject(fields.child("subject")),
        variants=fields.choices("variants", Variant),
        sentence=fields.text("sentence"),
        probe_ids=fields.texts("probe_ids"),
        culprit=fields.text("culprit", ""),
    )
