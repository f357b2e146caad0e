"""Delimiters, titles, headers and limits of text files, by way of the whole pass."""

import pytest

COLUMNS = [
    {"name": "no", "type": "text", "header": "编号", "role": "key", "required": True},
    {"name": "name", "type": "text", "header": "姓名"},
    {"name": "n", "type": "integer", "header": "人数"},
]
ROWS = [["编号", "姓名", "人数"], ["1", "张,三", "3"], ["2", "李;四", "4"]]


def text(rows, delimiter=","):
    return "".join(delimiter.join(f'"{cell}"' for cell in row) + "\n" for row in rows)


@pytest.mark.parametrize("agreed", [",", ";", "\t"])
@pytest.mark.parametrize("used", [",", "\t", ";", "|"])
@pytest.mark.parametrize("head", ["", "某县统计表\n填报单位：某院\n", "sep={}\n"])
def test_the_delimiter_is_known_from_the_header(bench, agreed, used, head):
    contract = bench.contract(COLUMNS, file={"delimiter": agreed})
    result = bench.stage((head.format(used) + text(ROWS, used)).encode("gb18030"), contract, chunk=7)
    assert result.accepted.select("no", "name", "n").rows() == [("1", "张,三", 3), ("2", "李;四", 4)]
    told = [item.params for item in result.account.findings if item.sentence == "intake_delimiter"]
    shown = {mark: "TAB" if mark == "\t" else mark for mark in (used, agreed)}
    assert told == ([] if used == agreed else [{"delimiter": shown[used], "agreed": shown[agreed]}])


@pytest.mark.parametrize(
    ("above", "line"),
    [
        ("9,王五,9\n", 1),
        ("标题\n编号,姓名,备注\n", 2),
        ("a1,b2,c3\n", 1),
    ],
)
def test_what_may_be_a_record_above_the_header_refuses_the_file(bench, refusal, above, line):
    found = refusal(lambda: bench.stage((above + text(ROWS)).encode(), bench.contract(COLUMNS)))
    assert found == ("intake_header_several", {"line": line})


def test_a_column_without_header_is_told_if_it_holds_anything(bench):
    rows = [[*ROWS[0], "", ""], [*ROWS[1], "", ""], [*ROWS[2], "13800000000", ""]]
    result = bench.stage(text(rows).encode(), bench.contract(COLUMNS))
    told = [item.params for item in result.account.findings if item.sentence == "intake_header_unnamed"]
    assert (told, result.account.accepted) == ([{"position": 4}], 2)


def test_three_header_rows_are_joined_to_paths(bench):
    columns = [
        {"name": "no", "type": "text", "header": "编号"},
        {"name": "a", "type": "integer", "header": "男/城镇/老年"},
        {"name": "b", "type": "integer", "header": "男/农村/老年"},
        {"name": "c", "type": "integer", "header": "女/老年"},
    ]
    contract = bench.contract(columns, file={"header_rows": 3})
    head = "编号,男,,女\n,城镇,农村,\n,老年,老年,老年\n"
    result = bench.stage((head + "x,1,2,3\n").encode(), contract)
    assert result.accepted.select("no", "a", "b", "c").rows() == [("x", 1, 2, 3)]


GROUPED = [
    {"name": "no", "type": "text", "header": "编号", "required": True},
    {"name": "men", "type": "integer", "header": "男/老年"},
    {"name": "women", "type": "integer", "header": "女/老年"},
]


@pytest.mark.parametrize(
    ("head", "flat"),
    [
        ("编号,男,女\n,老年,老年\n", False),
        ("编号,男/老年,女/老年\n", True),
        ("老年人名单,,\n编号,男/老年,女/老年\n", True),
        ("编号,男/老年,女/老年\n,人,人\n", True),
    ],
)
def test_a_header_in_one_row_is_read_where_two_are_agreed(bench, head, flat):
    contract = bench.contract(GROUPED, file={"header_rows": 2})
    result = bench.stage(f"{head}x,1,2\ny,3,4\n".encode(), contract)
    assert result.accepted.select("no", "men", "women").rows() == [("x", 1, 2), ("y", 3, 4)]
    told = [item.params for item in result.account.findings if item.sentence == "intake_header_flat"]
    assert told == ([{"agreed": 2}] if flat else [])


def test_one_row_that_says_less_than_two_would_is_not_read_alone(bench):
    contract = bench.contract(GROUPED, file={"header_rows": 2})
    # The groups are unknown: neither reading knows the counts, and none is taken for the other.
    result = bench.stage("编号,先生,女士\n,老年,老年\nx,1,2\n".encode(), contract)
    assert result.accepted.select("men", "women").rows() == [(None, None)]
    assert [item for item in result.account.findings if item.sentence == "intake_header_flat"] == []


@pytest.mark.parametrize(("limit", "fits"), [(1, False), (2, True), (3, True)])
def test_rows_are_bounded(bench, refusal, limit, fits):
    bench.limits = bench.limits.model_copy(update={"rows": limit})
    if fits:
        assert bench.stage(text(ROWS).encode(), bench.contract(COLUMNS)).account.accepted == 2
    else:
        found = refusal(lambda: bench.stage(text(ROWS).encode(), bench.contract(COLUMNS)))
        assert found == ("intake_too_many_rows", {"limit": limit})


@pytest.mark.parametrize(("limit", "fits"), [(2, False), (3, True), (4, True)])
def test_columns_are_bounded(bench, refusal, limit, fits):
    bench.limits = bench.limits.model_copy(update={"columns": limit})
    if fits:
        assert bench.stage(text(ROWS).encode(), bench.contract(COLUMNS)).account.accepted == 2
    else:
        found = refusal(lambda: bench.stage(text(ROWS).encode(), bench.contract(COLUMNS)))
        assert found == ("intake_too_many_columns", {"limit": limit})


@pytest.mark.parametrize(("length", "taken"), [(9, 2), (10, 2), (11, 1)])
def test_fields_are_bounded(bench, length, taken):
    bench.limits = bench.limits.model_copy(update={"field_length": 10})
    rows = [ROWS[0], ["1", "长" * length, "3"], ROWS[2]]
    account = bench.stage(text(rows).encode(), bench.contract(COLUMNS)).account
    assert (account.accepted, account.unreadable) == (taken, 2 - taken)


@pytest.mark.parametrize(("agreed", "taken", "told"), [(False, ["1"], 1), (True, ["1", "2"], 0)])
def test_a_last_record_without_line_end_is_taken_only_from_a_sender_whose_files_end_so(bench, agreed, taken, told):
    contract = bench.contract(COLUMNS, file={"open_end": agreed})
    result = bench.stage("编号,姓名,人数\n1,张三,3\n2,李四,40".encode(), contract)
    cut = [item for item in result.account.findings if item.sentence == "intake_truncated_tail"]
    assert (result.accepted["no"].to_list(), len(cut)) == (taken, told)


@pytest.mark.parametrize("name", ["José", "García Núñez", "Señor Müller"])
def test_accents_in_latin_words_are_utf8_though_they_could_be_chinese(bench, name):
    """é is C3 A9, which is 茅 in GB18030; nobody writes Jos茅."""
    rows = [ROWS[0], ["1", name, "3"]]
    result = bench.stage(text(rows).encode(), bench.contract(COLUMNS))
    assert result.accepted["name"].to_list() == [name]


@pytest.mark.parametrize("mark", ["\u200b", "\u200d", "\u200f", "\u202e", "\u2066", "\u2069"])
def test_marks_nobody_sees_make_no_other_key(bench, mark):
    """Two keys that look alike are one: the file says that it holds such marks."""
    result = bench.stage(text([ROWS[0], [f"{mark}1{mark}", "张三", "3"]]).encode(), bench.contract(COLUMNS))
    assert result.accepted["no"].to_list() == ["1"]
    assert "intake_invisible_characters" in {item.sentence for item in result.account.findings}
