# SPDX-License-Identifier: MIT
"""A results file is read back as it was written, or refused in one line that says what to do."""

import json

import msgspec
import pytest

from reports.schema import MISMATCH_KINDS, SCHEMA_VERSION, Example, ResultsError, load, save
from tests.report_results import results


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "results.json"
    save(results(), path)
    return path


def refusal(path):
    with pytest.raises(ResultsError) as caught:
        load(path)
    message = str(caught.value)
    assert "\n" not in message
    assert str(path) in message
    assert "pytest --benchmark" in message
    return message


def test_reads_what_it_wrote(file):
    assert load(file) == results()


def test_leaves_nothing_but_the_file(file):
    assert [path.name for path in file.parent.iterdir()] == ["results.json"]


@pytest.mark.parametrize("tenths", range(10))
def test_refuses_a_file_cut_off(file, tenths):
    whole = file.read_bytes()
    file.write_bytes(whole[: len(whole) * tenths // 10])
    assert "damaged or cut off" in refusal(file)


def test_refuses_a_file_one_byte_short(file):
    file.write_bytes(file.read_bytes()[:-1])
    assert "damaged or cut off" in refusal(file)


@pytest.mark.parametrize("text", [b"\xff\xfe", b"\x00" * 100])
def test_refuses_what_is_no_json(file, text):
    file.write_bytes(text)
    assert "damaged or cut off" in refusal(file)


@pytest.mark.parametrize("text", [b"null", b"[1]", b"{}", b'{"schema_version": "1"}'])
def test_refuses_json_of_something_else(file, text):
    file.write_bytes(text)
    assert ": not a halfulp results file: name a results.json, or run" in refusal(file)


def test_names_the_field_that_is_wrong(file):
    changed = json.loads(file.read_bytes())
    changed["kernels"][3]["accuracy"]["misrounded"] = "many"
    file.write_text(json.dumps(changed))
    assert "$.kernels[3].accuracy.misrounded" in refusal(file)


@pytest.mark.parametrize("version", [SCHEMA_VERSION - 1, SCHEMA_VERSION + 1])
def test_refuses_another_version_whatever_else_is_in_it(file, version):
    file.write_text(json.dumps({"schema_version": version}))
    assert f"schema version {version}" in refusal(file)
    assert ("update this checkout" in refusal(file)) is (version > SCHEMA_VERSION)


def test_refuses_a_file_that_is_not_there(tmp_path):
    assert ": there is no such file: check the path, or run `pytest" in refusal(tmp_path / "results.json")


def test_refuses_a_folder_and_names_the_results_in_it(file, tmp_path):
    (tmp_path / "empty").mkdir()
    assert ": is a folder without a results.json: check the path, or run" in refusal(tmp_path / "empty")
    with pytest.raises(ResultsError) as caught:
        load(tmp_path)
    assert str(caught.value) == f"{tmp_path}: is a folder: name {file}"


def test_an_interrupted_write_leaves_the_earlier_file(file, monkeypatch):
    def full(*_):
        raise OSError("disk full")

    monkeypatch.setattr("pathlib.Path.write_bytes", full)
    with pytest.raises(OSError, match="disk full"):
        save(results(), file)
    assert load(file) == results()


@pytest.mark.parametrize("kind", [*MISMATCH_KINDS, "other"])
def test_an_example_is_of_a_kind_there_is(kind):
    example = {"input": "inf", "got": "nan", "want": "0", "kind": kind}
    if kind in ("nan", "inf", "zero", "sign"):
        assert msgspec.convert(example, Example).kind == kind
    else:
        with pytest.raises(msgspec.ValidationError):
            msgspec.convert(example, Example)
