# SPDX-License-Identifier: MIT
"""The pages are whole, hold together, need no network, and show anyone's words as words."""

import json
import math
import re
from html.parser import HTMLParser
from urllib.parse import unquote, urlsplit

import pytest

from reports import pages, wording
from reports.gate import compare
from reports.write import write
from tests.report_results import HOSTILE, results, wrong_with_dy

VOID = {"link", "meta", "br", "input"}


class Page(HTMLParser):
    """What a browser would make of a page: its links, its ids, its embedded data, whether its tags are balanced."""

    def __init__(self, path):
        super().__init__()
        self.path, self.links, self.loaded, self.ids, self.data, self.scripts = path, [], [], set(), [], []
        self.open, self.text = [], ""
        self.feed(path.read_text(encoding="utf-8"))
        self.close()

    def handle_starttag(self, tag, attributes):
        found = dict(attributes)
        if tag not in VOID:
            self.open.append((tag, found))
        self.loaded += [found["src"]] if "src" in found else []
        if "href" in found:
            (self.loaded if tag == "link" else self.links).append(found["href"])
        if "id" in found:
            assert found["id"] not in self.ids
            self.ids.add(found["id"])

    def handle_endtag(self, tag):
        assert self.open.pop()[0] == tag
        self.text += " " if tag in ("td", "th") else ""

    def handle_data(self, data):
        tag, attributes = self.open[-1] if self.open else ("", {})
        if tag != "script":
            self.text += data
        elif attributes.get("type") == "application/json":
            self.data.append(json.loads(data))
        else:
            self.scripts.append(data)


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    index = write(results(), tmp_path_factory.mktemp("report"))
    return {path: Page(path) for path in (index, *sorted(index.parent.glob("activations/*.html")))}


@pytest.fixture(scope="module")
def index(report):
    return next(page for path, page in report.items() if path.name == "index.html")


@pytest.fixture(scope="module")
def silu(report):
    return next(page for path, page in report.items() if path.name == "silu.html")


def test_there_is_a_page_for_each_activation(report):
    assert len(report) == 1 + len(results().activations)


def test_tags_are_balanced(report):
    assert all(not page.open for page in report.values())


def test_everything_loaded_is_in_the_folder(report):
    for path, page in report.items():
        for address in page.loaded:
            if address != "data:,":
                assert urlsplit(address).scheme == urlsplit(address).netloc == ""
                assert (path.parent / address).is_file()


def test_no_style_or_script_of_ours_reaches_for_the_network(report):
    folder = next(iter(report)).parent
    for name in ("report.css", "report.js", "overview.js", "tabulator.min.css"):
        text = (folder / "assets" / name).read_text(encoding="utf-8")
        assert not re.search(r"https?://|@import|url\((?!['\"]?data:)", text)


def test_links_lead_somewhere(report):
    for path, page in report.items():
        for link in page.links:
            target, _, anchor = link.partition("#")
            there = (path.parent / target).resolve() if target else path
            assert there.is_file()
            if anchor:
                assert unquote(anchor) in report[there].ids


def test_the_index_has_every_kernel(index):
    (table,) = index.data
    assert [row["kernel"] for row in table["rows"]] == [kernel.id for kernel in results().kernels]
    for row in table["rows"]:
        assert {column["field"] for column in table["columns"]} <= set(row)


def test_rows_sort_by_values_and_show_words(index):
    row = index.data[0]["rows"][1]
    assert row["max_ulp"] == 2.7182818
    assert row["shown"]["max_ulp"] == "2.719"
    assert row["verdict"] == "holds"


def test_rows_lead_to_their_kernel(report, index):
    for row in index.data[0]["rows"]:
        address, _, anchor = row["link"].partition("#")
        assert unquote(anchor) in report[index.path.parent / address].ids


def test_the_index_says_where_and_how_it_was_measured(index):
    for expected in (
        "Imaginary 9000 | <b>",
        "numpy 2.4.6",
        "numba (2 threads, AVX9)",
        "0123456789ab",
        "pytest --benchmark --kernels mine.py",
        "1 min 23 s",
    ):
        assert expected in index.text
    assert "no CUDA device" in index.text


def test_hostile_names_are_text(report):
    for page in report.values():
        assert page.scripts == []  # all scripts are files; what is inline is data
        assert HOSTILE in page.text or "alert" in page.text


def test_an_activation_page_has_its_parts(silu):
    assert {"kernels", "error", "worst", "mismatches", "random-dy", "gradient", "speed"} <= silu.ids
    for expected in ("limit at −∞", "arXiv:1710.05941", "beta = 1.0", "-1.157425038217630184920831e-36", "≤ 4 ulp"):
        assert expected in silu.text


def test_a_sampled_maximum_is_a_lower_bound_wherever_it_is_shown(silu):
    sampled = [k for k in results().kernels if k.activation == "silu" and k.accuracy and k.accuracy.search]
    with_number = [k for k in sampled if k.accuracy.max_ulp is not None]
    texts = [f"at least {n} ulp (lower bound, 1,069,921 evaluations)" for n in ("8.389e+06", "2.719")]
    words = " ".join(silu.text.split()).replace("ulp(", "ulp (")  # a line break parts them
    assert sum(map(words.count, texts)) == 2 * len(with_number)  # among the kernels, and the worst inputs
    pairs = sum(k.random_dy is not None for k in results().kernels if k.activation == "silu")
    assert words.count("(lower bound, 4,096 evaluations)") == pairs > 0


def test_properties_violated_are_listed_before_the_others(silu):
    words = " ".join(silu.text.split())
    example = "7 65,535 1 representable number f(0x1p+0) = 0x1.8p-1 but f(0x1.000002p+0) = 0x1.7ffffep-1"
    assert words.count(example) == 9
    signs = words[words.index("✓ holds wherever") :]
    rows = signs[signs.index("kernel monotone flags") : signs.index("Not checked:")]
    assert rows.rindex("✗ 7") < rows.index("✓")
    assert "Not checked: flags in 20 kernels (no flags here)." in words


def test_what_was_not_checked_for_properties_has_no_such_section(tmp_path):
    given = results()
    for it in given.kernels:
        it.properties = {}
    write(given, tmp_path)
    assert "properties" not in Page(tmp_path / "activations" / "silu.html").ids


def test_kernels_that_are_one_function_say_so(silu):
    words = " ".join(silu.text.split())
    assert words.count("same bits as numba-stable") == words.count("same bits as numba-textbook") == 4


def test_what_mpmath_had_to_decide_is_counted(silu):
    assert "For 855 of the results compared here the fast oracle left the exact value to mpmath." in silu.text


def test_plots_of_errors_cover_each_direction_and_dtype(silu):
    errors = [figure for figure in silu.data if "meta" in figure["layout"]]
    assert len(errors) == 2 * 4
    for figure in errors:
        for trace in figure["data"]:
            assert trace["x"] == sorted(trace["x"])
            assert -1 <= trace["x"][0] <= trace["x"][-1] <= 1
            assert all(y is None or y > 0 for y in trace["y"])


def test_embedded_data_can_not_end_its_script():
    text = pages.embed({"a": "</script><!--", "b": math.inf, "c": "&"})
    assert "<" not in text
    assert json.loads(text) == {"a": "</script><!--", "b": None, "c": "&"}


@pytest.mark.parametrize("name", ["../../etc", "a b", "a_b", "CON/x", "SiLU", "", "ü" * 300, HOSTILE])
def test_each_name_has_an_address_of_its_own(name):
    address = pages.address(name)
    assert re.fullmatch(r"activations/[\w-]{1,80}\.html", address, flags=re.ASCII)
    assert address != pages.address(name + "!")
    assert (name == "a_b") == (address == "activations/a_b.html")


def test_pages_of_an_earlier_run_go(tmp_path):
    write(results(), tmp_path)
    fewer = results()
    fewer.activations = fewer.activations[:1]
    fewer.kernels = [k for k in fewer.kernels if k.activation == "silu"]
    write(fewer, tmp_path)
    assert [path.name for path in (tmp_path / "activations").iterdir()] == ["silu.html"]


def test_pages_of_others_stay(tmp_path):
    others = tmp_path / "activations"
    (others / "folder.html").mkdir(parents=True)
    (others / "mine.html").write_bytes(b"<!doctype html><title>\xff halfulp</title>")
    write(results(), tmp_path)
    assert {"folder.html", "mine.html", "silu.html"} <= {path.name for path in others.iterdir()}


def test_mismatches_with_random_dy_alone_are_seen(tmp_path):
    given = results()
    given.kernels = [wrong_with_dy("silu", "stable")]
    page = Page(write(given, tmp_path))
    (row,) = page.data[0]["rows"]
    assert (row["mismatches"], row["shown"]["mismatches"], row["grade"]) == (104, "104 with random dy", "lost")
    assert "✗ 104" in page.text
    silu = Page(tmp_path / "activations" / "silu.html").text
    assert "None, at any input tried with dy = 1." in silu
    assert "More were found with random dy." in silu


def test_kernels_of_other_parameters_are_told_apart(tmp_path):
    given = results()
    given.activations = [a for a in given.activations if a.name == "silu"]
    given.activations[0].parameters = {"beta": 1.0}
    given.kernels = [k for k in given.kernels if k.activation == "silu"][:2]
    for kernel, beta in zip(given.kernels, (1.0, 1.5), strict=True):
        kernel.parameters = {"beta": beta}
    write(given, tmp_path)
    text = " ".join(Page(tmp_path / "activations" / "silu.html").text.split())
    assert f"Measured with beta = 1.0; {wording.author(given.kernels[1])} with beta = 1.5." in text


def test_the_comparison_with_a_baseline_is_a_section_with_links(tmp_path, index):
    assert "baseline" not in index.ids
    old, new = results(), results()
    new.kernels[1].accuracy.misrounded += 1
    new.comparison = compare(old, new, f"{HOSTILE}.json")
    page = Page(write(new, tmp_path))
    assert "baseline" in page.ids
    assert "1,235 misrounded, was 1,234" in page.text
    assert HOSTILE in page.text
    assert any(unquote(link).endswith(f"#{new.kernels[1].id}") for link in page.links)
