import pytest

from lakeorch.observers import text


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (0, "0"),
        (999_999, "999,999"),
        (1_000_000, "1M"),
        (1_240_112, "1.24M"),
        (999_999_999, "1B"),
        (35 * 10**13, "350T"),
    ],
)
def test_numbers_stay_within_seven_characters(value, shown):
    assert text.number(value) == shown
    assert len(shown) <= 7


@pytest.mark.parametrize(
    ("value", "shown"),
    [(0, "0 B"), (999, "999 B"), (1000, "1 kB"), (12_345_678, "12.3 MB"), (999_700, "1 MB"), (5 * 10**15, "5e+03 TB")],
)
def test_sizes_never_round_up_to_a_thousand_of_a_unit(value, shown):
    assert text.size(value) == shown


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (-1, "0.00s"),
        (0.424, "0.42s"),
        (9.999, "10.0s"),
        (59.96, "1m00s"),
        (245, "4m05s"),
        (3599.7, "1h00m"),
        (7800, "2h10m"),
    ],
)
def test_durations_carry_over(seconds, shown):
    assert text.duration(seconds) == shown


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (-5, "just now"),
        (59, "just now"),
        (61, "1 min ago"),
        (3600, "1 hour ago"),
        (7300, "2 hours ago"),
        (3 * 86400, "3 days ago"),
    ],
)
def test_ago_names_one_unit(seconds, shown):
    assert text.ago(seconds) == shown


def test_one_row_is_singular():
    assert text.count(1, "row") == "1 row"
    assert text.count(1240, "row") == "1,240 rows"


def test_a_table_lines_up_wide_characters():
    lines = text.table(("name", "n"), [("日本", "1"), ("abcdef", "20")], right=frozenset({1}))
    assert lines == ["name     n", "──────  ──", "日本     1", "abcdef  20"]


def test_a_table_fits_the_screen_and_takes_from_the_widest_column():
    lines = text.table(("a", "b"), [("x" * 60, "short"), ("y", "z")], limit=30)
    assert max(map(text.width, lines)) <= 30
    assert lines[2] == "x" * 22 + "…  short"


def test_clip_never_cuts_a_wide_character_in_half():
    assert text.width(text.clip("日本語日本語", 6)) <= 6


def test_control_characters_cannot_break_a_cell():
    assert text.one_line("a\nb\x1b[31m") == "a\\nb\\x1b[31m"
