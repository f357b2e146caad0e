"""Every SQL file stays in the portable subset, and what lies outside is refused by name."""

import pytest

from sql.portability import NotPortableError, check_condition, check_select
from sql.text import names, read


@pytest.mark.parametrize("name", names())
def test_file_is_portable(name: str) -> None:
    check_select(read(name))


@pytest.mark.parametrize(
    "text",
    [
        "select sum(a) filter (where b) from t",
        "select a from t qualify row_number() over (order by a) = 1",
        "select a, count(*) from t group by all",
        "select a, count(*) from t group by rollup (a)",
        "select * exclude (a) from t",
        "select * replace (1 as a) from t",
        "select a // 2 from t",
        "select a / 2 from t",
        "select [a, b] from t",
        "select {'a': a} from t",
        "select list(a) from t",
        "select unnest(a) from t",
        "select median(a) from t",
        "select quantile_cont(a, 0.5) from t",
        "select regexp_matches(a, 'x') from t",
        "select strptime(a, '%Y') from t",
        "select try_cast(a as date) from t",
        "select a from t using sample 10%",
        "select t.a from t asof join u on t.a >= u.a",
        "select a from t anti join u using (a)",
        "select a from t full join u using (a)",
        "select row_number() over (partition by a) from t",
        "select random() from t",
        "select now()",
        "select a from read_csv('x.csv')",
        "drop table t",
        "select 1; select 2",
        "selec 1",
    ],
)
def test_outside_the_subset_is_refused(text: str) -> None:
    with pytest.raises(NotPortableError):
        check_select(text)


@pytest.mark.parametrize(
    "text", ["a > 1 and b = 'x'", "a is not null", "b in ('x', 'y') or not c", "a between 1 and 3", "b like 'I1%'"]
)
def test_condition_over_known_columns_passes(text: str) -> None:
    assert check_condition(text, ["a", "b", "c"]) == text


@pytest.mark.parametrize(
    "text",
    [
        "missing = 1",
        "t.a = 1",
        "a = (select max(a) from t)",
        "exists (select 1)",
        "sum(a) > 1",
        "row_number() over (order by a) = 1",
        "read_text('/etc/passwd') = ''",
        "getenv('HOME') = ''",
        "a = 1; drop table t",
        "a = 1) or (1 = 1",
        "a =",
        "*",
        "",
    ],
)
def test_condition_beyond_the_list_is_refused(text: str) -> None:
    with pytest.raises(NotPortableError):
        check_condition(text, ["a", "b"])
