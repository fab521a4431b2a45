"""The report on sizes sees what is large."""

from tests.house.sizes import large


def test_a_long_function_and_a_long_file_are_named() -> None:
    long = "def long():\n" + "    x = 1\n" * 40
    assert list(large(long)) == ["long has 41"]
    assert list(large("x = 1\n" * 300)) == ["300 lines"]
    assert list(large("def short():\n    return 1\n")) == []
