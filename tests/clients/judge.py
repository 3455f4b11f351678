"""Holds documents against JSON Schemas with the Python package `jsonschema`, which nobody here wrote.

Usage: judge.py SCHEMAS CASES. SCHEMAS is a directory of schemas, CASES a JSON list of pairs: a schema's file name and a document. Prints a
JSON list: for each case `null`, or where and why its schema refuses it.
"""

import json
import pathlib
import sys

from jsonschema.validators import validator_for


def judge_of(file):
    schema = json.loads(file.read_text())
    judge = validator_for(schema, default=None)
    judge.check_schema(schema)
    return judge(schema)


def main(schemas, cases):
    judges = {file.name: judge_of(file) for file in pathlib.Path(schemas).glob("*.json")}
    verdicts = []
    for name, document in json.loads(pathlib.Path(cases).read_text()):
        faults = sorted(judges[name].iter_errors(document), key=lambda fault: list(map(str, fault.absolute_path)))
        verdicts.append("; ".join(f"{fault.json_path}: {fault.message[:200]}" for fault in faults) or None)
    print(json.dumps(verdicts))


main(*sys.argv[1:])
