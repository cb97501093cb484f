import json
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator, ValidationError

from tests.export.samples import door, failed, findings, good, run
from tests.export.test_jsonl import written
from tpcharness.export.document import result_document, run_document
from tpcharness.export.schema import document_schema, schema_text
from tpcharness.model.reason import Reason
from tpcharness.results.run import RunEnd

PUBLISHED = Path(__file__).parents[2] / "docs" / "result.schema.json"


@pytest.fixture(scope="module")
def validator():
    schema = document_schema()
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema)


def test_the_published_schema_is_the_one_of_the_types():
    assert PUBLISHED.read_text(encoding="utf-8") == schema_text(), (
        "run: python -m tpcharness.export.schema > docs/result.schema.json"
    )


@pytest.mark.parametrize("end", [None, RunEnd.COMPLETE])
def test_documents_are_valid(validator, end):
    results = [good(), failed(), door(), door(reason=Reason.TLS_EXPIRED)]
    validator.validate(run_document(run(ended_how=end), results, findings()))


def test_every_field_of_a_document_is_in_the_schema(validator):
    properties = validator.schema["$defs"]["Result"]["properties"]
    assert set(properties) == set(result_document(good()))
    assert set(validator.schema["$defs"]["Finding"]["properties"]) == set(
        run_document(run(), [], findings())["findings"][0]
    )
    facts = set(validator.schema["$defs"]["RunFacts"]["properties"])
    assert facts | {"doors"} == set(run_document(run(), [], [])["run"])


def test_every_line_of_json_lines_is_valid(validator):
    line_validator = Draft202012Validator({"$ref": "#/$defs/Line", "$defs": validator.schema["$defs"]})
    for line in written([good(), door()]).splitlines():
        line_validator.validate(json.loads(line))
    with pytest.raises(ValidationError):
        line_validator.validate({"type": "weather"})


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("reason", "tired"),
        ("attempt", "1"),
        ("phases", {"nap": 1.0}),
        ("subject", {"kind": "link"}),
        ("started_at", "now"),
    ],
)
def test_the_schema_refuses_what_is_wrong(validator, field, value):
    document = run_document(run(), [good()], [])
    document["results"][0][field] = value
    with pytest.raises(ValidationError):
        validator.validate(document)


def test_a_missing_field_is_invalid_and_an_unknown_one_is_not(validator):
    document = run_document(run(), [good()], [])
    document["results"][0]["flavour"] = "new"
    validator.validate(document)
    del document["results"][0]["code"]
    with pytest.raises(ValidationError):
        validator.validate(document)
